/**
 * Says whether two commands ask for the same thing.
 *
 * Covers the type and the checked fields, so that a default that is written out equals one that is
 * left away; times and the version are not part of what is asked for. A picture sent beside a command
 * counts by its number: the same id with other bytes is the same command sent again.
 */

import { createHash } from "node:crypto";
import type { CheckedCommand } from "@beeline/protocol";

/** SHA-256 in lower case over JSON with sorted keys. */
export function bodyDigest(command: CheckedCommand): string {
  const body = JSON.stringify([command.type, command.fields], (_key, value: unknown) =>
    sorted(value),
  );
  return createHash("sha256").update(body).digest("hex");
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
