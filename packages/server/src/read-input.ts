/** What a request brings, checked; what does not fit is the caller's fault and is told so. */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";

/** @throws {BeelineError} `MESSAGE_MALFORMED` naming the bad fields. */
export function readInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  throw new BeelineError("MESSAGE_MALFORMED", z.prettifyError(checked.error));
}
