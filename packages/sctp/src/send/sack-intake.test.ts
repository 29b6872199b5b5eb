/** Whether a list of gaps is whole: only where it may be cut is what lies beyond it unknown. */
import { expect, test } from "vitest";
import type { SackChunk } from "../wire/chunk.ts";
import { InFlight } from "./in-flight.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { SackIntake } from "./sack-intake.ts";

const MESSAGE = {
  streamId: 0,
  protocolId: 53,
  isUnordered: false,
  expiresAtMs: Number.POSITIVE_INFINITY,
  maxRetransmissions: Number.POSITIVE_INFINITY,
};

/** Acknowledges nothing in order, and every second of what follows. */
function sackOf(gaps: number): SackChunk {
  const list = Array.from({ length: gaps }, (_, at) => ({ start: 2 * at + 2, end: 2 * at + 2 }));
  return {
    type: "sack",
    cumulativeTsn: 99,
    receiveWindowBytes: 1_000_000,
    gaps: list,
    duplicates: [],
  };
}

function intake(): SackIntake {
  return new SackIntake(new InFlight(100), { onArrived: () => {}, onDuplicate: () => {} });
}

test.each([
  { gaps: 16, isWhole: true },
  { gaps: 19, isWhole: true },
  { gaps: 20, isWhole: false },
  { gaps: 21, isWhole: true },
  { gaps: 249, isWhole: true },
  { gaps: 250, isWhole: false },
])("a list of $gaps gaps is whole: $isWhole", ({ gaps, isWhole }) => {
  const sacks = intake();
  sacks.take(sackOf(gaps));
  expect(sacks.reportedUpTo === Number.POSITIVE_INFINITY).toBe(isWhole);
});

test("once all that a list told of is acknowledged, nothing is unknown for its sake", () => {
  const book = new InFlight(100);
  const message = new OutgoingMessage({ ...MESSAGE, payload: new Uint8Array(100) });
  for (let index = 0; index < 100; index += 1) {
    const ordinal = book.number({ message, offset: index, length: 1, index });
    book.send(ordinal, 1, 0);
  }
  const sacks = new SackIntake(book, { onArrived: () => {}, onDuplicate: () => {} });
  sacks.take(sackOf(20));
  expect(sacks.reportedUpTo).toBe(39);
  sacks.takeCumulative(60);
  expect(sacks.reportedUpTo).toBe(Number.POSITIVE_INFINITY);
});

test("who has listed more than 20 once is not thought to cut at 20", () => {
  const sacks = intake();
  sacks.take(sackOf(30));
  sacks.take(sackOf(20));
  expect(sacks.reportedUpTo).toBe(Number.POSITIVE_INFINITY);
});
