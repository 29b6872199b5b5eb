/** What is sent again of what a list of gaps that was cut could not tell of. */
import { describe, expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { suspects, Unreported } from "./unreported.ts";

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
  const newestTurn = Number.POSITIVE_INFINITY;
  return suspects(book, { reportedUpTo: REPORTED - 1, heldBytes, leftBeforeMs, newestTurn });
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
    expect(ask(book, 0, 100)).not.toContain(REPORTED);
    expect(ask(book, 0)).toContain(REPORTED);
    // But last: most of what was sent again arrived.
    expect(ask(book, 0).at(-1)).toBe(REPORTED);
    const newestTurn = book.turn(REPORTED);
    const rest = { heldBytes: 0, leftBeforeMs: 300, newestTurn };
    expect(suspects(book, { reportedUpTo: REPORTED - 1, ...rest })).not.toContain(REPORTED);
  });

  test("the beginning of a message whose middle is missing is held, but tells of nothing", () => {
    const book = flight();
    for (let ordinal = 0; ordinal < 20; ordinal += 1) book.acknowledge(ordinal);
    book.release(20);
    for (let ordinal = 21; ordinal < REPORTED; ordinal += 2) book.acknowledge(ordinal);
    const heldBytes = (20 + book.ackedBeyond + 241) * CHUNK;
    const rest = { heldBytes, leftBeforeMs: 300, newestTurn: 1e9 };
    expect(suspects(book, { reportedUpTo: REPORTED - 1, ...rest })).toHaveLength(40);
  });

  test("a window that says nonsense costs what it says at the most", () => {
    const book = told(2);
    const asked = (heldBytes: number) => {
      const rest = { leftBeforeMs: 300, newestTurn: 1e9 };
      return suspects(book, { reportedUpTo: REPORTED - 1, heldBytes, ...rest });
    };
    expect(asked(-1_000_000)).toHaveLength(261);
    expect(asked(1e12)).toEqual([]);
  });
});

describe("news that come late", () => {
  const HOUR_MS = 3_600_000;
  /** 261 left by then that are not told of; none of them is held. */
  const NOW_MS = 450;
  const TOLD = {
    nowMs: NOW_MS,
    reportedUpTo: REPORTED - 1,
    windowBytes: 1_000_000,
    patienceMs: 150,
    newestTurn: 1e9,
  };
  const look = (unreported: Unreported, nowMs = NOW_MS) =>
    unreported.look(told(2), { ...TOLD, nowMs }).length;

  function heard(firstAtMs: number, lastAtMs: number, everyMs = 1): Unreported {
    const unreported = new Unreported();
    unreported.onFirstSent(firstAtMs);
    for (let atMs = firstAtMs; atMs <= lastAtMs; atMs += everyMs) unreported.onSack(atMs, true);
    return unreported;
  }

  test("are as old as the silence before them", () => {
    expect(look(heard(0, NOW_MS))).toBe(260);
    const unreported = heard(0, NOW_MS - 50);
    unreported.onSack(NOW_MS, true);
    expect(look(unreported)).toBe(211);
    unreported.onSack(NOW_MS + 20, true);
    expect(look(unreported, NOW_MS + 20)).toBe(251);
  });

  test("do not count while nothing was on the way", () => {
    const unreported = heard(-2 * HOUR_MS, -HOUR_MS, HOUR_MS / 10);
    unreported.onFirstSent(0);
    for (let atMs = 0; atMs <= NOW_MS; atMs += 1) unreported.onSack(atMs, true);
    expect(look(unreported)).toBe(260);
  });

  test("are looked for once a millisecond", () => {
    const unreported = heard(0, NOW_MS);
    look(unreported);
    expect(look(unreported)).toBe(0);
    expect(look(unreported, NOW_MS + 1)).toBeGreaterThan(0);
  });

  test("one repair may pass a full window for each SACK whose list is cut, twenty at once", () => {
    const unreported = new Unreported();
    expect(unreported.mayPass).toBe(false);
    for (let atMs = 0; atMs < 50; atMs += 1) unreported.onSack(atMs, true);
    for (let count = 0; count < 20; count += 1) {
      expect(unreported.mayPass).toBe(true);
      unreported.onPassed();
    }
    expect(unreported.mayPass).toBe(false);
    unreported.onSack(50, true);
    expect(unreported.mayPass).toBe(true);
    unreported.onSack(51, false);
    expect(unreported.mayPass).toBe(false);
  });
});

test("where little is missing, the list that moves on tells of the rest", () => {
  expect(ask(told(5), 0)).toEqual([]);
});
