/** What one peer may relay, in virtual time. */

import { type Limited, MAX_RELAY_FRAME_BYTES } from "@beeline/protocol";
import { expect, test } from "vitest";
import { RelayGate, UserRates } from "./relay-gate.ts";

const rate = (perSecond: number) => ({ capacity: perSecond, perSecond });
/** The least that an operator may set. */
const LEAST = rate(64 * 1024);
const PLENTY = rate(128 * 1024 * 1024);

function open(session: typeof LEAST, user: typeof LEAST) {
  const told: Limited[] = [];
  const users = new UserRates(user);
  const gate = new RelayGate({ session, users }, (message) => void told.push(message));
  return { gate, told };
}

test("a full event passes at the lowest rates, once in a while", () => {
  const { gate } = open(LEAST, LEAST);
  const check = (nowMs: number) => gate.check("peer", "user", MAX_RELAY_FRAME_BYTES, nowMs);
  expect([check(0), check(500), check(1000)]).toEqual([undefined, "session", undefined]);
});

test.each([
  ["session", LEAST, PLENTY],
  ["user", PLENTY, LEAST],
] as const)(
  "the pause that is told is as long as the bucket of the %s needs",
  (limit, session, user) => {
    const { gate, told } = open(session, user);
    expect(gate.check("peer", "user", MAX_RELAY_FRAME_BYTES, 0)).toBe(undefined);
    expect(gate.check("peer", "user", MAX_RELAY_FRAME_BYTES, 0)).toBe(limit);
    gate.refuse(limit, 0);
    expect(told).toMatchObject([{ code: "RATE_LIMITED", retryAfterMs: 1016 }]);
    expect(gate.check("peer", "user", MAX_RELAY_FRAME_BYTES, 1016)).toBe(undefined);
  },
);
