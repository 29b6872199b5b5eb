/**
 * One random history of an association from a seed: what network there is and what befalls it, who
 * sends what when, and what must hold at the end. The same seed gives the same history everywhere.
 */
import { type AssociationOptions, createBbr, createCubic } from "@beeline/sctp";
import { SctpLedger, type StreamTraits } from "./sctp-ledger.ts";
import type { LinkTraits } from "./sctp-link.ts";
import { type SctpEnd, SctpWorld } from "./sctp-world.ts";
import { Random } from "./sim-random.ts";

/** All is over long before; whoever is not done by then is stuck. */
const LIMIT_MS = 240_000;
/** Network that works and data that waits, and yet nothing arrives for so long: a stall. */
const STALL_MS = 15_000;
/** A probe or two per silence, and what a first loss costs before reordering is known. */
const RESENT_ALLOWANCE_BYTES = 60_000;

/** Who is told of a few gaps only has to guess what else arrived. */
const CUT_LIST_FACTOR = 5;

export interface HistoryFigures {
  messages: number;
  bytes: number;
  lostPackets: number;
  resentBytes: number;
  lostDataBytes: number;
  darkTimes: number;
  skipped: number;
  settledMs: number;
  wrapped: number;
}

export function runSctpHistory(seed: number): HistoryFigures {
  const random = new Random(seed);
  const isTame = random.chance(0.5);
  const options = scene(random, isTame);
  const world = new SctpWorld({ seed, ...options });
  const ledgers = [new SctpLedger(), new SctpLedger()] as const;
  const disturbances = isTame ? 0 : disturb(world, random);
  connect(world, random);
  sendFrom(world, world.a, ledgers[0], random);
  sendFrom(world, world.b, ledgers[1], random);
  receiveAt(world, world.b, ledgers[0]);
  receiveAt(world, world.a, ledgers[1]);
  runToTheEnd(world, ledgers);
  checkWindows(world, options.receiveWindowBytes);
  shutDown(world, random);
  const figures = figuresOf(world, ledgers, disturbances);
  const isListWhole = world.links.every(({ traits }) => traits.mostGaps > 1000);
  if (isTame) checkThrift(figures, isListWhole ? 1.3 : CUT_LIST_FACTOR);
  return figures;
}

function scene(random: Random, isTame: boolean) {
  const receiveWindowBytes = random.pick([65_536, 262_144, 1_048_576]);
  const common: Partial<AssociationOptions> = {
    createCongestionControl: random.chance(0.7) ? createBbr : createCubic,
    receiveWindowBytes,
    maxReceivedMessageBytes: 65_536,
    maxMessageBytes: 65_536,
  };
  const own = (): Partial<AssociationOptions> => ({
    ...common,
    acceptsZeroChecksum: random.chance(0.7),
    offersInterleaving: random.chance(0.7),
    random: randomNearWrap(random),
  });
  const forth = traits(random, isTame);
  const back = random.chance(0.5) ? forth : traits(random, isTame);
  return { a: own(), b: own(), forth, back, receiveWindowBytes };
}

/** The first numbers that an association draws become its tags and TSNs: often just below 2^32. */
function randomNearWrap(random: Random): () => number {
  const isNear = random.chance(0.5);
  let drawn = 0;
  return () => {
    drawn += 1;
    return isNear && drawn < 10 ? 1 - random.whole(1, 400) / 0x1_0000_0000 : random.next();
  };
}

function traits(random: Random, isTame: boolean): Partial<LinkTraits> {
  const bytesPerMs = random.pick([50, 250, 1250, 12_500, Number.POSITIVE_INFINITY]);
  const delayMs = random.pick([0.2, 1, 5, 10, 25, 50, 100]);
  const lossRate = random.pick([0, 0, 0.005, 0.01, 0.02, 0.05]);
  const bursts = { burstRate: random.pick([0, 0, 0.002, 0.005]), burstPackets: random.whole(2, 8) };
  const path = {
    bytesPerMs,
    delayMs,
    queueBytes: Math.max(
      30_000,
      random.pick([0.5, 1, 4]) * 2 * delayMs * Math.min(bytesPerMs, 12_500),
    ),
    maxPacketBytes: random.pick([1172, 1300, 1400, 1500]),
    mostGaps: random.pick([isTame ? 20 : 2, 20, Number.POSITIVE_INFINITY]),
    lossRate,
    ...bursts,
  };
  if (isTame) return path;
  return {
    ...path,
    lossRate: random.chance(0.1) ? 0.2 : lossRate,
    jitterMs: random.pick([0, 1, 10, 50]),
    reorderRate: random.pick([0, 0.01, 0.1, 0.5]),
    reorderMs: random.pick([1, 5, 20, 100]),
    duplicateRate: random.pick([0, 0.01, 0.2]),
    corruptRate: random.pick([0, 0.005, 0.02]),
  };
}

/** Delays that jump and darkness, at random times of the first minute. */
function disturb(world: SctpWorld, random: Random): number {
  let darkTimes = 0;
  const count = random.whole(0, 4);
  for (let index = 0; index < count; index += 1) {
    const atMs = random.between(0, 20_000);
    if (index === 0 && random.chance(0.3)) {
      shrink(world, atMs, random);
      continue;
    }
    if (random.chance(0.5)) {
      const delayMs = random.pick([0.2, 5, 50, 200, 400]);
      world.clock.at(atMs, () => {
        for (const link of world.links) link.traits = { ...link.traits, delayMs };
      });
      continue;
    }
    darkTimes += 1;
    const darkMs = random.pick([50, 300, 1000, 3000, 8000]);
    const links = random.chance(0.5) ? world.links : [random.pick(world.links)];
    world.clock.at(atMs, () => {
      for (const link of links) link.isDark = true;
    });
    world.clock.at(atMs + darkMs, () => {
      for (const link of links) link.isDark = false;
    });
  }
  return darkTimes;
}

/** Large packets are lost for less than the time after which an association gives the path up. */
function shrink(world: SctpWorld, atMs: number, random: Random): void {
  const before = world.links.map(({ traits }) => traits.maxPacketBytes);
  world.clock.at(atMs, () => {
    for (const link of world.links) link.traits = { ...link.traits, maxPacketBytes: 1172 };
  });
  world.clock.at(atMs + random.between(100, 1200), () => {
    for (const [at, link] of world.links.entries()) {
      link.traits = { ...link.traits, maxPacketBytes: before[at] ?? 1500 };
    }
  });
}

function connect(world: SctpWorld, random: Random): void {
  if (random.chance(0.3)) {
    // RFC 9260 section 5.2.1: both at once, or nearly.
    world.clock.at(random.between(0, 100), () => {
      world.b.association.connect(world.clock.nowMs);
      world.b.turn();
    });
  }
  world.connect();
}

const STREAMS: readonly StreamTraits[] = [
  { streamId: 0, isUnordered: false, lifetimeMs: undefined, maxRetransmissions: undefined },
  { streamId: 1, isUnordered: false, lifetimeMs: undefined, maxRetransmissions: undefined },
  { streamId: 7, isUnordered: true, lifetimeMs: undefined, maxRetransmissions: undefined },
  { streamId: 9, isUnordered: false, lifetimeMs: undefined, maxRetransmissions: 0 },
  { streamId: 10, isUnordered: false, lifetimeMs: 100, maxRetransmissions: undefined },
  { streamId: 11, isUnordered: true, lifetimeMs: undefined, maxRetransmissions: 1 },
  { streamId: 65_534, isUnordered: false, lifetimeMs: undefined, maxRetransmissions: undefined },
];

function sendFrom(world: SctpWorld, end: SctpEnd, ledger: SctpLedger, random: Random): void {
  const { clock } = world;
  const budget = random.pick([2000, 50_000, 300_000, 1_000_000]);
  const spreadMs = random.pick([0, 100, 5000]);
  const streams = STREAMS.filter(() => random.chance(0.6));
  if (streams.length === 0) return;
  for (let bytes = 0; bytes < budget; ) {
    const largest = random.pick([20, 20, 1000, 5000, 65_536]);
    const length = random.whole(1, largest);
    const traits = random.pick(streams);
    bytes += length + 1000;
    clock.at(clock.nowMs + random.between(0, spreadMs), () => {
      const { payload, options } = ledger.make(traits, length);
      end.association.send(payload, options, clock.nowMs);
      end.turn();
    });
  }
}

function receiveAt(world: SctpWorld, end: SctpEnd, ledger: SctpLedger): void {
  end.onEvent = (event) => {
    if (event.kind === "message") ledger.take(event.message, world.clock.nowMs);
    else if (event.kind === "closed") end.events.push(event);
  };
}

function runToTheEnd(world: SctpWorld, ledgers: readonly SctpLedger[]): void {
  const { clock } = world;
  const isDone = () =>
    ledgers.every((ledger) => ledger.hasAllReliable) &&
    clock.nowMs > 25_000 &&
    STREAMS.every(
      ({ streamId }) =>
        world.a.association.bufferedBytes(streamId) === 0 &&
        world.b.association.bufferedBytes(streamId) === 0,
    );
  let lastBytes = 0;
  let lastMs = clock.nowMs;
  while (!isDone()) {
    clock.run(clock.nowMs + 500, isDone);
    const closed = [...world.a.events, ...world.b.events].find(({ kind }) => kind === "closed");
    if (closed !== undefined) throw new Error(`it closed: ${JSON.stringify(closed)}`);
    // Large messages take turns on a slow, lossy line: what leaves for the first time is progress too.
    const fresh = world.links.map(({ figures }) => figures.dataBytes - figures.resentBytes);
    const got = ledgers.map(({ gotBytes }) => gotBytes);
    const bytes = [...fresh, ...got].reduce((sum, each) => sum + each, 0);
    const isDark = world.links.some((link) => link.isDark);
    if (bytes !== lastBytes || isDark || ledgers.every((ledger) => ledger.hasAllReliable)) {
      lastBytes = bytes;
      lastMs = clock.nowMs;
    }
    const missing = ledgers.map((ledger) => ledger.missing).join(", ");
    if (clock.nowMs - lastMs > STALL_MS) throw new Error(`it stalls at ${lastMs} ms: ${missing}`);
    if (clock.nowMs > LIMIT_MS) throw new Error(`it is not done: ${missing}`);
  }
}

/** Everything was taken, so nothing is held any more, whatever was given up on the way. */
function checkWindows(world: SctpWorld, windowBytes: number): void {
  const { clock } = world;
  const payload = Uint8Array.of(1);
  const tell = (): void => {
    for (const end of [world.a, world.b]) {
      end.onEvent = () => undefined;
      end.association.send(payload, { streamId: 2, protocolId: 53 }, clock.nowMs);
      end.turn();
    }
  };
  const areWhole = () =>
    world.links.every(({ toldWindowBytes }) => toldWindowBytes >= windowBytes - payload.length);
  // Each makes the other side tell its window anew.
  for (let count = 0; count < 20; count += 1) {
    tell();
    clock.run(clock.nowMs + 1000);
    if (areWhole()) return;
  }
  const told = world.links.map(({ toldWindowBytes }) => toldWindowBytes).join(", ");
  throw new Error(`they hold something for ever: windows of ${told}`);
}

function shutDown(world: SctpWorld, random: Random): void {
  const { clock } = world;
  const ends = random.chance(0.2) ? [world.a, world.b] : [random.pick([world.a, world.b])];
  for (const end of ends) {
    end.association.shutdown(clock.nowMs);
    end.turn();
  }
  const isOver = () =>
    world.a.association.state === "closed" && world.b.association.state === "closed";
  clock.run(clock.nowMs + 60_000, isOver);
  if (!isOver()) {
    const states = [world.a, world.b].map(({ association }) => association.state).join(", ");
    throw new Error(`they did not come to an end: ${states}`);
  }
}

/** Without reordering, duplicates and path changes nothing is sent again that was not lost. */
function checkThrift({ resentBytes, lostDataBytes }: HistoryFigures, factor: number): void {
  if (resentBytes <= factor * lostDataBytes + RESENT_ALLOWANCE_BYTES) return;
  throw new Error(`${resentBytes} bytes sent again, ${lostDataBytes} lost`);
}

function figuresOf(
  world: SctpWorld,
  ledgers: readonly SctpLedger[],
  darkTimes: number,
): HistoryFigures {
  const sum = (pick: (link: SctpWorld["forth"]) => number) =>
    world.links.reduce((total, link) => total + pick(link), 0);
  return {
    messages: ledgers.reduce((total, ledger) => total + ledger.gotMessages, 0),
    bytes: ledgers.reduce((total, ledger) => total + ledger.gotBytes, 0),
    skipped: ledgers.reduce((total, ledger) => total + ledger.sentMessages - ledger.gotMessages, 0),
    lostPackets: sum((link) => link.figures.lostPackets),
    resentBytes: sum((link) => link.figures.resentBytes),
    lostDataBytes: sum((link) => link.figures.lostDataBytes),
    wrapped: sum((link) => (link.hasWrapped ? 1 : 0)),
    darkTimes,
    settledMs: Math.max(...ledgers.map((ledger) => ledger.lastGotAtMs)),
  };
}
