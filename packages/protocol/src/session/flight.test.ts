import { expect, test } from "vitest";
import { Flight, type SentRecord } from "./flight.ts";

function record(number: number, sentAtMs: number, change: Partial<SentRecord> = {}): SentRecord {
  return {
    number,
    sentAtMs,
    bytes: 100,
    pieces: [],
    controls: [],
    isUrgent: false,
    isBulk: false,
    ...change,
  };
}

function flightOf(...records: SentRecord[]): Flight {
  const flight = new Flight();
  for (const sent of records) flight.add(sent);
  return flight;
}

const numbers = (records: readonly SentRecord[]) => records.map(({ number }) => number);

test("acknowledged records leave the flight once; unknown numbers are ignored", () => {
  const flight = flightOf(...[0, 1, 2, 3, 4].map((number) => record(number, 0)));
  const ranges = [
    { start: 4, end: 900 },
    { start: 1, end: 3 },
  ];
  expect(numbers(flight.takeAcked(ranges))).toEqual([1, 2, 4]);
  expect(flight.takeAcked(ranges)).toEqual([]);
  expect(flight.bytes).toBe(200);
  expect(flight.size).toBe(2);
});

test("a record is lost when a later one was acknowledged and its own time is up, not before", () => {
  const flight = flightOf(record(0, 0), record(1, 50), record(2, 60), record(3, 70));
  expect(flight.takeLost(100, 1_000)).toEqual([]);
  expect(flight.lossAtMs(100)).toBe(Number.POSITIVE_INFINITY);
  flight.takeAcked([{ start: 2, end: 3 }]);
  expect(flight.lossAtMs(100)).toBe(100);
  expect(numbers(flight.takeLost(100, 100))).toEqual([0]);
  expect(numbers(flight.takeLost(100, 149))).toEqual([]);
  expect(numbers(flight.takeLost(100, 150))).toEqual([1]);
  expect(numbers(flight.takeLost(100, 9_999))).toEqual([]);
});

test("an urgent record is overdue once", () => {
  const flight = flightOf(record(0, 0), record(1, 10, { isUrgent: true }));
  expect(flight.overdueAtMs(80)).toBe(90);
  expect(flight.takeOverdue(80, 89)).toEqual([]);
  expect(numbers(flight.takeOverdue(80, 90))).toEqual([1]);
  expect(flight.takeOverdue(80, 91)).toEqual([]);
  expect(flight.size).toBe(2);
});

test("pings do not pile up and are not payload", () => {
  const flight = flightOf(record(0, 0, { controls: [{ type: "budget" }] }));
  for (let number = 1; number < 100; number += 1) {
    flight.add(record(number, number));
    flight.forgetPings(16);
  }
  expect(flight.size).toBe(17);
  expect(numbers(flight.takePayload())).toEqual([0]);
  expect(flight.hasPayload).toBe(false);
  expect(flight.size).toBe(16);
});
