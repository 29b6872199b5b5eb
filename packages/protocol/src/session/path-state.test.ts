import { expect, test } from "vitest";
import type { SentRecord } from "./flight.ts";
import { PathState } from "./path-state.ts";
import { LOSS_PATIENCE, WINDOW_CEILING_BYTES } from "./tuning.ts";

const DIRECT = { kind: "direct", generation: 1 } as const;
const RTT_MS = 50;

/** Keeps a path as full as it allows while every answer takes `rttMs`. */
function fill(path: PathState, rttMs: (number: number) => number, records: number): void {
  let nowMs = 0;
  for (let count = 0; count < records; count += 1) {
    while (path.askForBulk()) path.onSent(recordOf(path.nextNumber, nowMs), true);
    const oldest = path.flight.largestAcked + 1;
    nowMs += rttMs(oldest);
    path.onAck([{ start: oldest, end: path.nextNumber }], 0, nowMs);
  }
  while (path.askForBulk()) path.onSent(recordOf(path.nextNumber, nowMs), true);
}

function recordOf(number: number, sentAtMs: number): SentRecord {
  return {
    number,
    sentAtMs,
    bytes: 16_384,
    pieces: [],
    controls: [{ type: "budget" }],
    isUrgent: false,
    isBulk: true,
  };
}

test("what answers late on a self-paced path is a repair, and the path stays as full as before", () => {
  const slow = (number: number): number => (number === 0 ? RTT_MS : 4 * RTT_MS);
  const selfPaced = new PathState(DIRECT, 0, true);
  fill(selfPaced, slow, 40);
  expect(selfPaced.flight.bytes).toBe(WINDOW_CEILING_BYTES.direct);

  const hidden = new PathState(DIRECT, 0);
  fill(hidden, slow, 40);
  expect(hidden.flight.bytes).toBeLessThan(WINDOW_CEILING_BYTES.direct / 4);
});

test("a record that is overtaken on a data channel is waited for several repairs long", () => {
  const lostAfter = (kind: "relay" | "direct"): number => {
    const path = new PathState({ kind, generation: 1 }, 0);
    for (let number = 0; number < 40; number += 1) {
      path.onSent(recordOf(number, number * RTT_MS), true);
      if (number > 0) path.onAck([{ start: number, end: number + 1 }], 0, (number + 1) * RTT_MS);
      if (path.takeLost((number + 1) * RTT_MS).length > 0) return (number + 1) * RTT_MS;
    }
    throw new Error("it was never taken for lost");
  };
  expect(lostAfter("direct")).toBeGreaterThanOrEqual(
    (LOSS_PATIENCE.direct / 2) * lostAfter("relay"),
  );
});
