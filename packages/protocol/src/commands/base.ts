/** What wraps every command and every answer: the specification's "Base Command". */

import { z } from "zod";
import { MAX_ERROR_MESSAGE } from "../errors.ts";

/** The version our peers write. Same major: understood. */
export const PROTOCOL_VERSION = "1.0.0";

export const CommandId = z.uuid();

/** `createdAt`/`updatedAt` arrive as ISO text, Date (msgpack) or milliseconds; they leave as ISO text. */
export const Timestamp = z.union([z.string(), z.number(), z.date()]).transform((value, context) => {
  const date = new Date(value as string | number | Date);
  if (Number.isNaN(date.getTime())) {
    context.addIssue({ code: "custom", message: "not a date" });
    return z.NEVER;
  }
  return date.toISOString();
});

export const SemVer = z.string().regex(/^\d+\.\d+\.\d+(?:[-+].*)?$/, "not a semantic version");

export const Base = z.object({
  id: CommandId,
  /** Absent: the shipped dialect, which never sends one. */
  version: SemVer.optional(),
  createdAt: Timestamp.optional(),
  updatedAt: Timestamp.optional(),
  /** The specification's spelling. Read, never written. */
  updateAt: Timestamp.optional(),
});

export const Status = z.enum(["pending", "processing", "success", "error", "canceled"]);
export type Status = z.infer<typeof Status>;

export const WireErrorSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(MAX_ERROR_MESSAGE),
  remedy: z.string().max(1024).default(""),
});

/** A percentage as the specification writes it: 0 to 100 with at most two decimals. */
export const Progress = z
  .number()
  .min(0)
  .max(100)
  .transform((value) => Math.round(value * 100) / 100);

export const ResponseBase = z.object({
  id: CommandId,
  type: z.string(),
  version: z.string().optional(),
  createdAt: Timestamp.optional(),
  updatedAt: Timestamp.optional(),
  status: Status,
  error: WireErrorSchema.optional(),
});
