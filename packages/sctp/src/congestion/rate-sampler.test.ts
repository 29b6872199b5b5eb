/** The sampler measures the path: not the bursts that leave, the heaps of acknowledgements, or a slow application. */
import { describe, expect, test } from "vitest";
import { RateSampler, type SendStamp } from "./rate-sampler.ts";

const PACKET = 1000;

/** Packets of 1000 bytes, numbered from 0, whose stamps the test need not hold. */
class Book {
  readonly sampler = new RateSampler();
  readonly #stamps = new Map<number, SendStamp>();

  send(nowMs: number, number: number): void {
    const inFlight = (this.#stamps.size + 1) * PACKET;
    this.#stamps.set(number, this.sampler.onSent(nowMs, PACKET, inFlight));
  }

  ack(nowMs: number, ...numbers: number[]) {
    for (const number of numbers) {
      this.sampler.onDelivered(nowMs, PACKET, this.#stamps.get(number) as SendStamp);
      this.#stamps.delete(number);
    }
    return this.sampler.takeSample(0);
  }

  stampOf(number: number): SendStamp {
    return this.#stamps.get(number) as SendStamp;
  }

  lose(number: number): void {
    this.sampler.onLost(PACKET, number);
    this.#stamps.delete(number);
  }
}

describe("a rate sample", () => {
  test("is the rate of the path while packets leave and arrive evenly", () => {
    const book = new Book();
    for (let n = 0; n < 50; n += 1) book.send(n, n);
    for (let n = 50; n < 200; n += 1) {
      book.send(n, n);
      const rate = book.ack(n + 0.5, n - 50);
      if (n > 100) expect(rate.bytesPerMs).toBeCloseTo(PACKET, 0);
    }
  });

  test("takes the slower side when packets left in a burst", () => {
    const book = new Book();
    for (let n = 0; n < 10; n += 1) book.send(0, n);
    for (let n = 0; n < 9; n += 1) book.ack(50 + n, n);
    expect(book.ack(59, 9).bytesPerMs).toBeCloseTo((10 * PACKET) / 59);
  });

  test("takes the slower side when acknowledgements arrive in a heap", () => {
    const book = new Book();
    for (let n = 0; n < 40; n += 1) book.send(n, n);
    book.ack(50, 0);
    for (let n = 40; n < 60; n += 1) book.send(51 + n - 40, n);
    book.ack(90, ...Array.from({ length: 39 }, (_, n) => n + 1));
    // The last 20 left within 20 ms, and all are acknowledged 1 ms after the heap before them.
    const rate = book.ack(91, ...Array.from({ length: 20 }, (_, n) => n + 40));
    expect(rate.bytesPerMs).toBeLessThanOrEqual((59 * PACKET) / 41);
  });

  test("is none below the shortest round trip", () => {
    const { sampler } = new Book();
    const stamp = sampler.onSent(0, PACKET, PACKET);
    sampler.onDelivered(9, PACKET, stamp);
    expect(sampler.takeSample(10).bytesPerMs).toBeUndefined();
  });

  test("is none when nothing new was delivered", () => {
    expect(new Book().ack(10)).toMatchObject({ bytesPerMs: undefined, priorDeliveredBytes: 0 });
  });

  test("says what was delivered and in flight when the newest packet left, and lost since", () => {
    const book = new Book();
    for (let n = 0; n < 10; n += 1) book.send(0, n);
    book.ack(50, 0, 1);
    book.send(50, 10);
    book.lose(2);
    book.lose(3);
    book.ack(51, 4);
    expect(book.ack(100, 10)).toMatchObject({
      priorDeliveredBytes: 2 * PACKET,
      sentInFlightBytes: 9 * PACKET,
      lostBytes: 2 * PACKET,
    });
    expect(book.sampler.lostBytes).toBe(2 * PACKET);
  });

  test("counts runs of loss, not packets", () => {
    const book = new Book();
    for (let n = 0; n < 10; n += 1) book.send(n, n);
    for (const n of [1, 2, 3]) book.lose(n);
    expect(book.ack(100, 0, 4).lossRuns).toBe(1);
    expect(book.ack(101, 5).lossRuns).toBe(1);
    book.lose(6);
    expect(book.ack(102, 7).lossRuns).toBe(2);
    book.send(103, 10);
    expect(book.ack(150, 10).lossRuns).toBe(0);
  });

  test("shows no rate of packets that left before late news came", () => {
    const book = new Book();
    for (let n = 0; n < 20; n += 1) book.send(n, n);
    book.ack(50, 0);
    book.send(51, 20);
    // Ten that had arrived long before are told of at once.
    for (let n = 1; n <= 10; n += 1) book.sampler.onDelivered(60, PACKET, book.stampOf(n));
    book.sampler.onLateNews();
    expect(book.sampler.takeSample(0).bytesPerMs).toBeUndefined();
    book.send(61, 21);
    expect(book.ack(101, 20).bytesPerMs).toBeUndefined();
    expect(book.ack(111, 21).bytesPerMs).toBeDefined();
  });

  test("counts of what is suspected the share that must be missing", () => {
    const book = new Book();
    for (let n = 0; n < 10; n += 1) book.send(n, n);
    for (let n = 0; n < 8; n += 1) book.sampler.onSuspected(PACKET, 0.25);
    expect(book.ack(50, 9)).toMatchObject({ lossRuns: 2, lostBytes: 8 * PACKET });
  });

  test("tells of the application until what was in flight then is delivered", () => {
    const book = new Book();
    book.send(0, 0);
    book.sampler.markAppLimited(PACKET);
    book.send(10, 1);
    expect(book.ack(50, 0).isAppLimited).toBe(false);
    book.send(50, 2);
    expect(book.ack(60, 1).isAppLimited).toBe(true);
    book.send(61, 3);
    expect(book.ack(100, 2).isAppLimited).toBe(true);
    expect(book.ack(111, 3).isAppLimited).toBe(false);
  });

  test("does not count the pause before a restart", () => {
    const book = new Book();
    book.send(0, 0);
    book.ack(50, 0);
    for (let n = 1; n <= 10; n += 1) book.send(10_000 + n, n);
    for (let n = 1; n < 10; n += 1) book.ack(10_050 + n, n);
    expect(book.ack(10_060, 10).bytesPerMs).toBeGreaterThan((9 * PACKET) / 60);
  });
});
