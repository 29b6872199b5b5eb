/**
 * The owner's credentials for a backend, from the environment or a file: never from an argument,
 * which every user of the machine can read, and never into a log.
 */

import { readFile } from "node:fs/promises";
import { BeelineError } from "@beeline/protocol";

/** A header's name and value, as HTTP allows them. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Headers for every request to the backend: `BEELINE_BACKEND_AUTH` (user:password),
 * `BEELINE_BACKEND_TOKEN` (a bearer token), and a JSON file of any others.
 * @throws {BeelineError} `BACKEND_UNAVAILABLE` for a file that holds no headers.
 */
export async function backendHeaders(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): Promise<Readonly<Record<string, string>>> {
  const { BEELINE_BACKEND_AUTH: user, BEELINE_BACKEND_TOKEN: token } = env;
  return {
    ...(user && { authorization: `Basic ${Buffer.from(user).toString("base64")}` }),
    ...(token && { authorization: `Bearer ${token}` }),
    ...(file !== undefined && (await readHeaders(file))),
  };
}

async function readHeaders(file: string): Promise<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch {
    value = undefined;
  }
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const areHeaders = entries.every(
    ([name, text]) => NAME.test(name) && typeof text === "string" && VALUE.test(text),
  );
  if (entries.length > 0 && areHeaders) return Object.fromEntries(entries);
  throw new BeelineError(
    "BACKEND_UNAVAILABLE",
    `${file} must hold an object of headers, as {"X-Token": "…"}`,
  );
}
