/** Errors as they travel. */

import { expect, test } from "vitest";
import { WireErrorSchema } from "./commands/base.ts";
import { BeelineError, MAX_ERROR_MESSAGE } from "./errors.ts";

test("an error whose message is as long as a program's whole output is still one that is accepted", () => {
  const long = new BeelineError("BACKEND_FAILED", "x".repeat(10_000)).toWire();
  expect(WireErrorSchema.parse(long)).toEqual(long);
  expect(long.message).toMatch(/^x+…$/);
  expect(long.message).toHaveLength(MAX_ERROR_MESSAGE);
});

test("no character is cut in two", () => {
  const { message } = new BeelineError("BACKEND_FAILED", `x${"🐝".repeat(5_000)}`).toWire();
  expect(message).toMatch(/^x(?:🐝)+…$/u);
});
