/**
 * The lab does to packets what it says. Each bound has its reason: times are only ever late (the
 * machine is busy), so the earliest quarter of the packets is judged, the rest never; shares of lost
 * packets are within three standard deviations, and the same for the same seed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../lab.ts";
import type { Link, Shape } from "../link.ts";
import { type Arrival, DatagramAgent, settled } from "../probes/datagrams.ts";

/** A timer's tick, two switches between processes, and two passes through the kernel's network. */
const LATE_MS = 1;
/** IPv4 and UDP. */
const HEADER_BYTES = 28;
const PORT = 7_000;

let lab: Lab;
let near: DatagramAgent;
let far: DatagramAgent;
/** The near host's; `up` is away from it. */
let link: Link;

beforeAll(async () => {
  lab = await Lab.open({ seed: 7 });
  near = new DatagramAgent(await lab.host("near"));
  far = new DatagramAgent(await lab.host("far"));
  link = near.host.link;
  await Promise.all([near.open(PORT), far.open(PORT)]);
});
afterAll(async () => {
  await lab?.close();
});

interface Flight {
  readonly count: number;
  readonly perSecond?: number;
  readonly bytes?: number;
  readonly first?: number;
}

/** Sends from the near host to the far one over a link shaped so, until all is there or lost. */
async function fly(shape: Shape | { up: Shape; down: Shape }, flight: Flight) {
  await link.shape(shape);
  await far.forget();
  const before = (await link.counters()).up;
  await near.send({ from: PORT, to: far.host.urlHost("ipv4"), port: PORT, ...flight });
  const counted = await settled(link, "up", before, flight.count);
  return { counted, arrivals: await far.receives(counted.packets) };
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** A quarter of the values is below it. */
function quartile(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length / 4)] as number;
}

function oneWayMs(arrivals: readonly Arrival[]): number[] {
  return arrivals.map(({ oneWayUs }) => oneWayUs / 1_000);
}

/** How many were lost in a row, each time that some were. */
function gaps(arrivals: readonly Arrival[], count: number): number[] {
  const numbers = [-1, ...sorted(arrivals.map(({ number }) => number)), count];
  return numbers
    .slice(1)
    .map((number, index) => number - (numbers[index] as number) - 1)
    .filter((gap) => gap > 0);
}

/** Three standard deviations of a share among so many. */
function tolerance(share: number, count: number): number {
  return 3 * Math.sqrt((share * (1 - share)) / count);
}

// A busy machine delivers late, and never early: what one calm attempt of three shows is the link's.
describe("a link", { retry: 2 }, () => {
  test("delays a ping by what both directions take, to the millisecond", async () => {
    await link.shape({ up: { delayMs: 30 }, down: { delayMs: 12 } });
    const output = near.host.run("ping", "-c", "20", "-i", "0.02", far.host.urlHost("ipv4"));
    const times = [...output.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));
    expect(times).toHaveLength(20);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(42);
    expect(Math.min(...times)).toBeLessThan(42 + LATE_MS);
  });

  test("delays each direction by its own time", async () => {
    const { arrivals } = await fly({ up: { delayMs: 20 }, down: {} }, { count: 100 });
    const times = oneWayMs(arrivals);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(20);
    expect(Math.min(...times)).toBeLessThan(20 + LATE_MS);
  });

  test("adds jitter up to its bound and lets no packet overtake another", async () => {
    const shape = { delayMs: 5, jitterMs: 20 };
    const { arrivals } = await fly(shape, { count: 500, perSecond: 500 });
    const times = oneWayMs(arrivals);
    expect(arrivals.map(({ number }) => number)).toEqual([...Array(500).keys()]);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(5);
    expect(quartile(times)).toBeLessThan(25 + LATE_MS);
    // Ten packets are within one jitter, and each waits for the latest before it.
    expect(quartile(times)).toBeGreaterThan(5 + 10);
  });

  test("lets packets overtake one another where that is wanted, each late by its own jitter", async () => {
    const shape = { delayMs: 5, jitterMs: 20, reorder: true };
    const { arrivals } = await fly(shape, { count: 500, perSecond: 500 });
    const numbers = arrivals.map(({ number }) => number);
    expect(numbers).not.toEqual(sorted(numbers));
    expect(sorted(numbers)).toEqual([...Array(500).keys()]);
    // Uniform from 5 to 25: a quarter is below 10, give or take 0.4.
    const times = oneWayMs(arrivals);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(5);
    expect(Math.min(...times)).toBeLessThan(5 + 1 + LATE_MS);
    expect(quartile(times)).toBeGreaterThan(10 - 2);
    expect(quartile(times)).toBeLessThan(10 + 2 + LATE_MS);
  });

  test("carries a flood at its rate, fills its queue to the brim, and drops the rest", async () => {
    const bytes = 1_200;
    const mbitPerSecond = 20;
    const queueBytes = 60_000;
    // Twice the rate, for a second.
    const flood = { count: 4_000, perSecond: 4_000, bytes };
    const { counted, arrivals } = await fly({ mbitPerSecond, queueBytes }, flood);
    expect(counted.packets + counted.queueDrops).toBe(flood.count);
    expect(counted.queueDrops).toBeGreaterThan(flood.count / 4);
    expect(counted.queueMaxBytes).toBeLessThanOrEqual(queueBytes);
    expect(counted.queueMaxBytes).toBeGreaterThan(queueBytes - bytes - HEADER_BYTES);

    // A full queue is a constant wait: 60,000 bytes at 20 Mbit/s are 24 ms.
    const waitMs = (queueBytes * 8) / (mbitPerSecond * 1_000);
    const settledTimes = oneWayMs(arrivals).slice(arrivals.length / 2);
    expect(quartile(settledTimes)).toBeGreaterThan(waitMs - LATE_MS);
    expect(quartile(settledTimes)).toBeLessThan(waitMs + LATE_MS);
  });

  test.each([2, 20, 100])("carries a flood of %i Mbit/s at that rate", async (mbitPerSecond) => {
    const bytes = 1_200;
    // What takes half a second, sent at twice the rate, into a queue that holds it.
    const packetsPerSecond = (mbitPerSecond * 1e6) / ((bytes + HEADER_BYTES) * 8);
    const count = Math.round(packetsPerSecond / 2);
    const flood = { count, perSecond: packetsPerSecond * 2, bytes };
    const { arrivals } = await fly({ mbitPerSecond, queueBytes: 1e9 }, flood);
    const [first, last] = [arrivals[0] as Arrival, arrivals.at(-1) as Arrival];
    const measured = (arrivals.length - 1) / ((last.atUs - first.atUs) / 1e6);
    expect(arrivals).toHaveLength(count);
    // Being read ten milliseconds late at either end is 4 % of half a second.
    expect(measured / packetsPerSecond).toBeGreaterThan(0.96);
    expect(measured / packetsPerSecond).toBeLessThan(1.04);
  });

  test("loses packets at random: as many as it says, one by one", async () => {
    const loss = 0.02;
    const flight = { count: 5_000, perSecond: 5_000 };
    const { counted, arrivals } = await fly({ loss }, flight);
    const share = counted.randomDrops / flight.count;
    expect(Math.abs(share - loss)).toBeLessThan(tolerance(loss, flight.count));
    expect(arrivals).toHaveLength(flight.count - counted.randomDrops);
    const lengths = gaps(arrivals, flight.count);
    expect(lengths.filter((length) => length === 1).length / lengths.length).toBeGreaterThan(0.9);
  });

  test("loses packets in bursts: as many as it says, in rows as long as it says", async () => {
    const burst = { loss: 0.05, length: 4 };
    const flight = { count: 5_000, perSecond: 5_000 };
    const { counted, arrivals } = await fly({ burst }, flight);
    const lengths = gaps(arrivals, flight.count);
    // Bursts, not packets, are what is independent: some 62, of a geometric length.
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    const deviation = Math.sqrt((burst.length * (burst.length - 1)) / lengths.length);
    expect(Math.abs(mean - burst.length)).toBeLessThan(3 * deviation);
    const single = lengths.filter((length) => length === 1).length / lengths.length;
    expect(Math.abs(single - 1 / burst.length)).toBeLessThan(
      tolerance(1 / burst.length, lengths.length),
    );
    const share = counted.burstDrops / flight.count;
    expect(Math.abs(share - burst.loss)).toBeLessThan(
      3 * burst.loss * Math.sqrt(2 / lengths.length),
    );
  });

  test("loses the same packets for the same seed, and others for another", async () => {
    const lossFor = async (seed: number): Promise<number[]> => {
      const own = await Lab.open({ seed });
      try {
        const [from, to] = [await own.host("from"), await own.host("to")].map(
          (host) => new DatagramAgent(host),
        ) as [DatagramAgent, DatagramAgent];
        await Promise.all([from.open(PORT), to.open(PORT)]);
        await from.host.link.shape({ loss: 0.1 });
        const before = (await from.host.link.counters()).up;
        await from.send({ from: PORT, to: to.host.urlHost("ipv4"), port: PORT, count: 200 });
        const { packets } = await settled(from.host.link, "up", before, 200);
        return (await to.receives(packets)).map(({ number }) => number);
      } finally {
        await own.close();
      }
    };
    const [first, again, other] = await Promise.all([lossFor(1), lossFor(1), lossFor(2)]);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("gives each direction a rate and a loss of its own, both under flood at once", async () => {
    const bytes = 1_200;
    const loss = 0.05;
    const wide = { queueBytes: 1e9 };
    const [up, down] = [
      { ...wide, mbitPerSecond: 4 },
      { ...wide, mbitPerSecond: 16, loss },
    ];
    await link.shape({ up, down });
    await Promise.all([near.forget(), far.forget()]);
    const before = await link.counters();
    // What takes each line a second, sent in half of it.
    const floodOf = (mbitPerSecond: number) => {
      const count = Math.round((mbitPerSecond * 1e6) / ((bytes + HEADER_BYTES) * 8));
      return { from: PORT, port: PORT, bytes, count, perSecond: 2 * count };
    };
    const [upFlood, downFlood] = [floodOf(up.mbitPerSecond), floodOf(down.mbitPerSecond)];
    await Promise.all([
      near.send({ ...upFlood, to: far.host.urlHost("ipv4") }),
      far.send({ ...downFlood, to: near.host.urlHost("ipv4") }),
    ]);
    const upCounted = await settled(link, "up", before.up, upFlood.count);
    const downCounted = await settled(link, "down", before.down, downFlood.count);
    expect(upCounted).toMatchObject({ packets: upFlood.count, randomDrops: 0 });
    const share = downCounted.randomDrops / downFlood.count;
    expect(Math.abs(share - loss)).toBeLessThan(tolerance(loss, downFlood.count));
    const heard = [
      { arrivals: await far.receives(upCounted.packets), perSecond: upFlood.count },
      { arrivals: await near.receives(downCounted.packets), perSecond: downFlood.count },
    ];
    for (const { arrivals, perSecond } of heard) {
      const [first, last] = [arrivals[0] as Arrival, arrivals.at(-1) as Arrival];
      // What was lost has used the line: numbers count it, arrivals do not.
      const measured = (last.number - first.number) / ((last.atUs - first.atUs) / 1e6);
      // Being read ten milliseconds late at either end is 2 % of a second.
      expect(measured / perSecond).toBeGreaterThan(0.97);
      expect(measured / perSecond).toBeLessThan(1.03);
    }
  });

  test("takes another delay, and a cut, while packets are on it", async () => {
    await link.shape({ delayMs: 5 });
    await far.forget();
    const before = (await link.counters()).up;
    const sending = near.send({
      ...{ from: PORT, to: far.host.urlHost("ipv4"), port: PORT },
      ...{ count: 600, perSecond: 500 },
    });
    await far.receives(100);
    await link.shape({ delayMs: 40 });
    await far.receives(250);
    await link.cut();
    const whileCut = (await link.counters()).up.packets;
    await settled(link, "up", before, 400);
    expect((await link.counters()).up.packets).toBe(whileCut);
    await link.restore();
    await sending;
    const { packets, cutDrops } = await settled(link, "up", before, 600);
    expect(cutDrops).toBeGreaterThan(20);
    const arrivals = await far.receives(packets);
    expect(packets + cutDrops).toBe(600);
    const [early, late] = [arrivals.slice(0, 100), arrivals.slice(-100)].map(oneWayMs);
    expect(Math.min(...(early ?? []))).toBeLessThan(5 + LATE_MS);
    expect(Math.min(...(late ?? []))).toBeGreaterThanOrEqual(40);
    expect(Math.min(...(late ?? []))).toBeLessThan(40 + LATE_MS);
    expect(gaps(arrivals, 600)).toHaveLength(1);
  });

  test("sends what is queued at the new rate once that is another", async () => {
    // Ten large packets at 1 Mbit/s would take 98 ms; after the first one it is a hundred times faster.
    await link.shape({ mbitPerSecond: 1, queueBytes: 1e6 });
    await far.forget();
    const salvo = { from: PORT, to: far.host.urlHost("ipv4"), port: PORT, bytes: 1_200 };
    await near.send({ ...salvo, count: 100, perSecond: 1e6 });
    await far.receives(1);
    await link.shape({ mbitPerSecond: 100, queueBytes: 1e6 });
    const arrivals = await far.receives(100);
    // At the old rate: 983 ms.
    expect((arrivals.at(-1) as Arrival).oneWayUs / 1_000).toBeLessThan(500);
  });
});
