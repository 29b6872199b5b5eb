/**
 * Where people are when they use this: the named situations that every subject is measured in.
 *
 * Three places hang on one exchange, each by a link of its own; what two places see of each other is
 * the sum of their links. Data only: `stage/` builds them.
 */

export const PLACES = ["page", "home", "server"] as const;
export type Place = (typeof PLACES)[number];

export type Loss =
  | { readonly kind: "none" }
  | { readonly kind: "random"; readonly ratio: number }
  /** Comes in runs: this part of all packets is lost, so many in a row on average. */
  | { readonly kind: "bursty"; readonly ratio: number; readonly burst: number };

/** One direction of a link. */
export interface Line {
  readonly mbitPerSecond: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** How long a packet may wait before the next one is dropped. */
  readonly queueMs: number;
  readonly loss: Loss;
}

/** A place's link to the exchange; `up` leaves the place. */
export interface Access {
  readonly up: Line;
  readonly down: Line;
}

export interface Situation {
  readonly id: string;
  readonly name: string;
  /** One sentence for the report. */
  readonly what: string;
  /** Another: what of such a place is not in it. */
  readonly unshown: string;
  /** Absent: everything on loopback, which needs no lab. */
  readonly access?: Readonly<Record<Place, Access>>;
  /** `none`: both ends have addresses that reach each other. `turn-only`: only TURN gets through. */
  readonly nat: "none" | "turn-only";
}

const CLEAN: Loss = { kind: "none" };

/**
 * Home routers and access networks keep 40 to 200 ms (Bufferbloat project, RFC 7567's examples);
 * 60 ms is a recent one.
 */
const ROUTER_QUEUE_MS = 60;

function line(mbitPerSecond: number, delayMs: number, more: Partial<Line> = {}): Line {
  return {
    mbitPerSecond,
    delayMs,
    jitterMs: 0,
    queueMs: ROUTER_QUEUE_MS,
    loss: CLEAN,
    ...more,
  };
}

function access(up: Line, down: Line = up): Access {
  return { up, down };
}

/**
 * A server in a data centre. Its own link is faster than anybody's home; 200 Mbit/s is what the lab's
 * program for links carries here without becoming the limit itself.
 */
const DATA_CENTRE_MBIT = 200;

export const SITUATIONS: readonly Situation[] = [
  {
    id: "same-machine",
    name: "same machine",
    what: "Page, extension and server on one computer: the processor is the limit, not a network.",
    unshown: "It does not show any network, nor a computer whose processors are busy drawing.",
    nat: "none",
  },
  {
    id: "lan-far-relay",
    name: "same LAN, relay far away",
    what: "Phone and computer at home, the server 80 ms away behind the household's own line.",
    unshown: "It does not show Wi-Fi's own losses and pauses, nor a line that others at home use.",
    access: {
      // Wi-Fi 5 at some distance carries about 200 Mbit/s and adds about a millisecond.
      page: access(line(200, 0.75)),
      home: access(line(200, 0.25)),
      // 80 ms round trip: Frankfurt to New York. 40 Mbit/s out of the house and 100 into it: the
      // middle of German and French fixed lines in 2025 (Ookla).
      server: { up: line(100, 40), down: line(40, 40) },
    },
    nat: "none",
  },
  {
    id: "same-city",
    name: "same city",
    what: "Two fibre lines of 100 Mbit/s and a server, all in one town.",
    unshown: "It does not show losses, jitter, or a line that others at home use.",
    access: {
      // 20 ms round trip from line to line, most of it the access networks'.
      page: access(line(100, 5)),
      home: access(line(100, 5)),
      server: access(line(DATA_CENTRE_MBIT, 1)),
    },
    nat: "none",
  },
  {
    id: "ocean",
    name: "across an ocean",
    what: "The computer in Europe, the page at the American west coast, the server beside the page.",
    unshown: "It does not show a server half-way or at the computer's end, nor routes that change.",
    access: {
      page: access(line(100, 5)),
      // 150 ms round trip: Frankfurt to San Francisco. One packet in a thousand is what carriers
      // promise at worst for such a way; a sender that takes loss for congestion suffers of it.
      home: access(line(100, 70, { loss: { kind: "random", ratio: 0.001 } })),
      server: access(line(DATA_CENTRE_MBIT, 2)),
    },
    nat: "none",
  },
  {
    id: "lossy-mobile",
    name: "phone on lossy mobile",
    what: "The page on a phone at the edge of a cell: slow, unsteady, losing packets in bursts.",
    unshown:
      "It does not show a rate that changes, a cell that repairs its losses itself and so turns them into delay, or a handover to another address.",
    access: {
      page: {
        // 20 down and 5 up, 60 ms round trip with 10 ms of jitter: LTE at its edge. 1 % lost in runs
        // of five: a handover or a fade swallows neighbours, not single packets.
        up: line(5, 30, {
          jitterMs: 10,
          queueMs: 200,
          loss: { kind: "bursty", ratio: 0.01, burst: 5 },
        }),
        down: line(20, 30, {
          jitterMs: 10,
          queueMs: 200,
          loss: { kind: "bursty", ratio: 0.01, burst: 5 },
        }),
      },
      home: access(line(40, 8), line(100, 8)),
      server: access(line(DATA_CENTRE_MBIT, 4)),
    },
    nat: "none",
  },
  {
    id: "home-uplink",
    name: "20 Mbit/s home uplink",
    what: "Pictures leave home through 20 Mbit/s, with a router that keeps a long queue.",
    unshown: "It does not show others' traffic in that queue, nor a router that manages it.",
    access: {
      page: access(line(50, 8), line(100, 8)),
      // Cable and VDSL lines send at 20 and receive at 100; their modems are where queues are long.
      home: access(line(20, 10, { queueMs: 200 }), line(100, 10)),
      server: access(line(DATA_CENTRE_MBIT, 4)),
    },
    nat: "none",
  },
  {
    id: "turn-only",
    name: "both behind NAT, TURN only",
    what: "Both ends behind NATs that choose a port per destination; direct goes through a TURN server beside ours.",
    unshown: "It does not show TURN over TCP, nor a TURN server in another place than the relay.",
    access: {
      page: access(line(50, 8), line(100, 8)),
      home: access(line(40, 8), line(100, 8)),
      server: access(line(DATA_CENTRE_MBIT, 4)),
    },
    nat: "turn-only",
  },
];

export function situationOf(id: string): Situation {
  const found = SITUATIONS.find((situation) => situation.id === id);
  if (found === undefined) {
    throw new Error(`no situation ${id}: one of ${SITUATIONS.map((s) => s.id).join(", ")}`);
  }
  return found;
}

/** What packets can do from one place to another: the slower line, and both delays. */
export function wayOf(situation: Situation, from: Place, to: Place): { mbit: number; ms: number } {
  const { access } = situation;
  if (access === undefined) return { mbit: Number.POSITIVE_INFINITY, ms: 0 };
  const [out, into] = [access[from].up, access[to].down];
  return {
    mbit: Math.min(out.mbitPerSecond, into.mbitPerSecond),
    ms: out.delayMs + into.delayMs,
  };
}
