/** Checks what a backend says against the shape that its API promises. */

import { BeelineError } from "@beeline/protocol";
import type { z } from "zod";

/** @throws {BeelineError} `BACKEND_FAILED` naming what does not fit. */
export function parseAnswer<T>(shape: z.ZodType<T>, value: unknown, path: string): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "it";
  throw new BeelineError(
    "BACKEND_FAILED",
    `the answer to ${path} is not what that address answers: ${where}: ${issue?.message}`,
  );
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Bytes of a picture sent as base64, with or without a data: prefix; undefined for anything else. */
export function base64Bytes(text: string): Buffer | undefined {
  const base64 = text.startsWith("data:") ? text.slice(text.indexOf(",") + 1) : text;
  return BASE64.test(base64.slice(0, 4096)) ? Buffer.from(base64, "base64") : undefined;
}
