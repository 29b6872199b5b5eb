import { randomUUID } from "node:crypto";
import { BeelineError } from "@beeline/protocol";
import { describe, expect, test } from "vitest";
import { Calls } from "./calls.ts";
import { HandClock } from "./testing/hand-clock.ts";

const ABSENT = new BeelineError("EXTENSION_ABSENT", "nobody there");
const MINUTE_MS = 60_000;

function ask(calls: Calls, options: { isQuick?: boolean; id?: string } = {}) {
  const errors: string[] = [];
  const id = options.id ?? randomUUID();
  const handlers = {
    onResponse: () => expect.unreachable("nobody answers here"),
    onError: (error: BeelineError) => void errors.push(error.code),
  };
  calls.start({ id, type: "extension:describe" }, [], handlers, options.isQuick ?? false);
  return { id, errors };
}

describe("a call that nobody answers", () => {
  test("waits a minute for an extension that is not there, and then says what was missing", () => {
    const clock = new HandClock();
    const calls = new Calls(clock);
    calls.setReachable(ABSENT);
    const { errors } = ask(calls);
    clock.advance(MINUTE_MS - 1);
    expect(errors).toEqual([]);
    clock.advance(1);
    expect(errors).toEqual(["EXTENSION_ABSENT"]);
    expect([calls.isEmpty, clock.isIdle]).toEqual([true, true]);
  });

  test("gets a whole new minute when the extension came back meanwhile", () => {
    const clock = new HandClock();
    const calls = new Calls(clock);
    calls.setReachable(ABSENT);
    const { errors } = ask(calls);
    clock.advance(MINUTE_MS - 1);
    calls.setReachable(undefined);
    clock.advance(1);
    calls.setReachable(ABSENT);
    clock.advance(MINUTE_MS - 1);
    expect(errors).toEqual([]);
    clock.advance(1);
    expect(errors).toEqual(["EXTENSION_ABSENT"]);
  });

  test("fails after a minute if its answer is due at once; a job may take longer", () => {
    const clock = new HandClock();
    const calls = new Calls(clock);
    calls.setReachable(undefined);
    const quick = ask(calls, { isQuick: true });
    const job = ask(calls);
    clock.advance(10 * MINUTE_MS);
    expect(quick.errors).toEqual(["TIMED_OUT"]);
    expect(job.errors).toEqual([]);
  });
});

test("an id that waits already is refused, and the first call goes on", () => {
  const calls = new Calls(new HandClock());
  const first = ask(calls);
  expect(ask(calls, { id: first.id }).errors).toEqual(["COMMAND_CONFLICT"]);
  expect(first.errors).toEqual([]);
});

test("when all fail, each is told once and no timer stays", () => {
  const clock = new HandClock();
  const calls = new Calls(clock);
  calls.setReachable(ABSENT);
  const all = [ask(calls), ask(calls, { isQuick: true }), ask(calls)];
  calls.failAll(new BeelineError("SESSION_CLOSED", "closed"));
  calls.failAll(new BeelineError("SESSION_CLOSED", "closed"));
  expect(all.map(({ errors }) => errors)).toEqual(all.map(() => ["SESSION_CLOSED"]));
  expect([calls.isEmpty, clock.isIdle]).toEqual([true, true]);
});

test.each([
  ["error", "INTERNAL"],
  ["canceled", "CANCELED"],
])("an answer that says %s and no reason ends the call with %s", (status, code) => {
  const calls = new Calls(new HandClock());
  const { id, errors } = ask(calls);
  const type = "extension:describe";
  const reply = { id, type, version: "1.0.0", updatedAt: new Date(0).toISOString(), status };
  calls.accept({ kind: "reply", id })?.onMessage?.(reply);
  expect(errors).toEqual([code]);
});
