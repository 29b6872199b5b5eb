import { expect, test } from "vitest";
import { ATTEMPT_TIMEOUT_MS, Promotion, type PromotionInput, REST_MS } from "./promotion.ts";

/** Plays inputs at their times and writes down what came of each. */
function play(steps: readonly (readonly [atMs: number, input: PromotionInput])[]): string[] {
  const promotion = new Promotion();
  return steps.map(([atMs, input]) => {
    const effects = promotion.handle(input, atMs).map((e) => `${e.type} ${e.generation}`);
    return `${promotion.state} ${promotion.reason} [${effects.join()}]`;
  });
}

const ready: PromotionInput = { type: "peerReady" };
const gone: PromotionInput = { type: "peerGone" };
const open: PromotionInput = { type: "phase", phase: "open" };
const tick: PromotionInput = { type: "tick" };

test("a channel that closes is dialled again at once, then after growing rests", () => {
  const closed: PromotionInput = { type: "failed", reason: "channel-closed" };
  const iceFailed: PromotionInput = { type: "failed", reason: "ice-failed" };
  expect(
    play([
      [0, ready],
      [300, open],
      [500, closed],
      [500 + REST_MS[0], tick],
      [700, iceFailed],
      [700 + REST_MS[1] - 1, tick],
      [700 + REST_MS[1], tick],
    ]),
  ).toEqual([
    "dialing connecting [dial 1]",
    "open open []",
    "resting channel-closed [hangUp 1]",
    "dialing connecting [dial 2]",
    "resting ice-failed [hangUp 2]",
    "resting ice-failed []",
    "dialing connecting [dial 3]",
  ]);
});

test("an attempt that takes too long ends with the reason of the phase it was stuck in", () => {
  const stuckAfter = (phases: readonly ("signaled" | "connected" | "secured")[]): string => {
    const promotion = new Promotion();
    promotion.handle(ready, 0);
    for (const phase of phases) promotion.handle({ type: "phase", phase }, 10);
    expect(promotion.wakeAtMs).toBe(ATTEMPT_TIMEOUT_MS);
    promotion.handle(tick, ATTEMPT_TIMEOUT_MS);
    return promotion.reason;
  };
  expect(stuckAfter([])).toBe("no-answer");
  expect(stuckAfter(["signaled"])).toBe("ice-failed");
  expect(stuckAfter(["signaled", "connected"])).toBe("dtls-failed");
  expect(stuckAfter(["signaled", "connected", "secured"])).toBe("timeout");
});

test("nobody is dialled while the peer is gone, but an open channel stays", () => {
  expect(
    play([
      [0, ready],
      [100, gone],
      [60_000, tick],
      [60_001, ready],
      [60_300, open],
      [60_400, gone],
      [70_000, { type: "failed", reason: "went-dark" }],
      [200_000, tick],
    ]),
  ).toEqual([
    "dialing connecting [dial 1]",
    "idle not-tried [hangUp 1]",
    "idle not-tried []",
    "dialing connecting [dial 2]",
    "open open []",
    "open open []",
    "idle went-dark [hangUp 2]",
    "idle went-dark []",
  ]);
});

test("a nudge ends a rest, and a decline ends everything until the peer is ready anew", () => {
  expect(
    play([
      [0, ready],
      [10, { type: "failed", reason: "ice-failed" }],
      [10, tick],
      [20, { type: "failed", reason: "ice-failed" }],
      [30, { type: "nudge" }],
      [40, { type: "declined", reason: "peer-unable" }],
      [50, { type: "nudge" }],
      [60, ready],
    ]),
  ).toEqual([
    "dialing connecting [dial 1]",
    "resting ice-failed [hangUp 1]",
    "dialing connecting [dial 2]",
    "resting ice-failed [hangUp 2]",
    "dialing connecting [dial 3]",
    "idle peer-unable [hangUp 3]",
    "idle peer-unable []",
    "dialing connecting [dial 4]",
  ]);
});

test("attempts report how far they came and when", () => {
  const promotion = new Promotion();
  promotion.handle(ready, 1_000);
  promotion.handle({ type: "phase", phase: "signaled" }, 1_020);
  promotion.handle({ type: "phase", phase: "connected" }, 1_140);
  promotion.handle(open, 1_250);
  expect(promotion.attempts).toEqual([
    {
      generation: 1,
      outcome: "open",
      reason: "open",
      phases: { signaled: 20, connected: 140, open: 250 },
    },
  ]);
});
