/** What is sent again of what a list of gaps that was cut could not tell of. */
import { describe, expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { suspects } from "./unreported.ts";

const CHUNK = 1000;
const CHUNKS = 400;
const REPORTED = 40;

/** One chunk each millisecond, from 0 on. */
function flight(): InFlight {
  const message = new OutgoingMessage({
    payload: new Uint8Array(CHUNKS * CHUNK),
    streamId: 0,
    protocolId: 53,
    isUnordered: false,
    expiresAtMs: Number.POSITIVE_INFINITY,
    maxRetransmissions: Number.POSITIVE_INFINITY,
  });
  const book = new InFlight(1);
  for (let index = 0; index < CHUNKS; index += 1) {
    const ordinal = book.number({ message, offset: index * CHUNK, length: CHUNK, index });
    book.send(ordinal, CHUNK, index);
  }
  return book;
}

/** The list tells of 40 chunks, of which every second one, or every fifth, is missing. */
function told(every: number): InFlight {
  const book = flight();
  for (let ordinal = 0; ordinal < REPORTED; ordinal += 1) {
    if (ordinal % every !== 0) book.acknowledge(ordinal);
  }
  return book;
}

/** As if of the rest that much had arrived too. */
function ask(book: InFlight, arrived: number, leftBeforeMs = 300): readonly number[] {
  const heldBytes = (book.ackedBeyond + arrived) * CHUNK;
  return suspects(book, { reportedUpTo: REPORTED - 1, heldBytes, leftBeforeMs });
}

describe("where half of what is told of is missing", () => {
  test("twice as much is sent again as the window says is missing, the lowest first", () => {
    // 40 to 300 left long enough ago: 261, of which 241 are held.
    const again = ask(told(2), 241);
    expect(again).toHaveLength(40);
    expect(again.at(0)).toBe(REPORTED);
    expect(again.at(-1)).toBe(REPORTED + 39);
  });

  test("nothing is when all of it is held", () => {
    expect(ask(told(2), 261)).toEqual([]);
  });

  test("all of it is when nothing is held", () => {
    expect(ask(told(2), 0)).toHaveLength(261);
  });

  test("what left lately is waited for", () => {
    expect(Math.max(...ask(told(2), 0, 100))).toBe(100);
  });

  test("what is under repair is not repaired twice", () => {
    const book = told(2);
    for (const ordinal of ask(book, 241)) {
      book.lose(ordinal);
      // Half of them leave again, the others wait.
      if (ordinal % 2 === 0) book.send(ordinal, CHUNK, 350);
    }
    expect(ask(book, 241)).toEqual([]);
  });

  test("what was lost a second time is a suspect again", () => {
    const book = told(2);
    book.lose(REPORTED);
    book.send(REPORTED, CHUNK, 200);
    expect(ask(book, 241, 100)).not.toContain(REPORTED);
    expect(ask(book, 241)).toContain(REPORTED);
  });

  test("the beginning of a message whose middle is missing is held, but tells of nothing", () => {
    const book = flight();
    for (let ordinal = 0; ordinal < 20; ordinal += 1) book.acknowledge(ordinal);
    book.release(20);
    for (let ordinal = 21; ordinal < REPORTED; ordinal += 2) book.acknowledge(ordinal);
    const heldBytes = (20 + book.ackedBeyond + 241) * CHUNK;
    const again = suspects(book, { reportedUpTo: REPORTED - 1, heldBytes, leftBeforeMs: 300 });
    expect(again).toHaveLength(40);
  });

  test("a window that says nonsense costs what it says at the most", () => {
    const book = told(2);
    const asked = (heldBytes: number) =>
      suspects(book, { reportedUpTo: REPORTED - 1, heldBytes, leftBeforeMs: 300 });
    expect(asked(-1_000_000)).toHaveLength(261);
    expect(asked(1e12)).toEqual([]);
  });
});

test("where little is missing, the list that moves on tells of the rest", () => {
  expect(ask(told(5), 0)).toEqual([]);
});
