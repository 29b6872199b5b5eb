import { expect, test } from "vitest";
import { mayUseTurn } from "./chromium-subject.ts";
import { relayPids } from "./subject.ts";

const TURN = { turnPids: [7] };

test("what goes through TURN counts for whoever may go through it", () => {
  expect(mayUseTurn({ kind: "beeline", policy: "saveRelay" })).toBe(true);
  expect(mayUseTurn({ kind: "rtc" })).toBe(true);
  expect(mayUseTurn({ kind: "peerjs" })).toBe(true);
  expect(mayUseTurn({ kind: "beeline", policy: "relayOnly" })).toBe(false);
  expect(mayUseTurn({ kind: "first-version" })).toBe(false);
  expect(relayPids(TURN, 5, true)).toEqual({ relay: [5, 7] });
  expect(relayPids(TURN, 5, false)).toEqual({ relay: [5] });
  expect(relayPids(TURN, undefined, true)).toEqual({ relay: [7] });
  expect(relayPids({ turnPids: [] }, undefined, true)).toEqual({});
});
