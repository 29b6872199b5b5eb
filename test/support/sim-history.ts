/**
 * One random history: two applications that exchange streams while paths drop, duplicate, reorder,
 * delay, throttle and cut, until everything is healthy again and everything must arrive.
 *
 * Everything follows from the seed. Throws when a promise of the session is broken.
 */

import { POLICIES } from "@beeline/protocol";
import type { StreamPlan } from "./sim-app.ts";
import type { Side, SimLink } from "./sim-link.ts";
import type { SimPeer } from "./sim-peer.ts";
import type { Random } from "./sim-random.ts";
import type { Cut, WireShape } from "./sim-wire.ts";
import { SimWorld } from "./sim-world.ts";

export interface Figures {
  readonly streams: number;
  readonly bytes: number;
  readonly cuts: number;
  readonly maxResentHeldBytes: number;
  readonly maxRelayBytes: number;
  /** From the moment everything was healthy until everything had arrived. */
  readonly settledMs: number;
}

/** Budget of one end for previews and pictures, and for one stream of commands (tuning.ts). */
const BULK_WINDOW_BYTES = 4 * 1024 * 1024;
const CONTROL_WINDOW_BYTES = 64 * 1024;
const CEILING_BYTES = { relay: 1024 * 1024, direct: 4 * 1024 * 1024 };

/** A command record may still go out when the ceiling is all but reached. */
const ONE_RECORD_BYTES = 16 * 1024;

/** Two seconds to find out that a path is alive again, five to give it up, and time to transfer. */
const SETTLE_MS = 60_000;
const CLOSE_MS = 20_000;

/** After a cut at most this much that the receiver held may be sent again (issue 3). */
const RESENT_HELD_BYTES = 512 * 1024;

/** Timers per virtual millisecond and peer, over a whole history. */
const MAX_TICKS_PER_MS = 0.5;

export function runHistory(seed: number): Figures {
  const history = new History(seed);
  history.run();
  return history.figures;
}

class History {
  readonly #world: SimWorld;
  readonly #random: Random;
  /** An orderly network, as under TCP and SCTP, or a bare one. */
  readonly #isOrderly: boolean;
  #cuts = 0;
  #streams = 0;
  #bytes = 0;
  #settledMs = 0;
  #troubleUntilMs: number;

  constructor(seed: number) {
    this.#world = new SimWorld({ seed });
    this.#random = this.#world.random;
    this.#isOrderly = this.#random.chance(0.5);
    this.#world.rebuildMs = this.#random.pick([0, 100, 1_000, 4_000]);
    for (const kind of ["relay", "direct"] as const) {
      Object.assign(this.#world.shapes[kind], this.#randomShape());
    }
    this.#troubleUntilMs = this.#random.pick([500, 2_000, 8_000, 20_000]);
  }

  get figures(): Figures {
    return {
      streams: this.#streams,
      bytes: this.#bytes,
      cuts: this.#cuts,
      maxResentHeldBytes: this.#world.ledger.maxResentHeldBytes,
      maxRelayBytes: this.#world.maxRelayBytes,
      settledMs: this.#settledMs,
    };
  }

  run(): void {
    const world = this.#world;
    const random = this.#random;
    world.connectRelay();
    if (random.chance(0.7)) world.clock.after(random.next() * 2_000, () => this.#connectDirect());
    for (const peer of [world.client, world.extension]) {
      if (random.chance(0.3)) peer.app.appetite = random.pick([100_000, 1_000_000]);
      this.#openLater(peer);
    }
    this.#troubleLater();
    world.run(this.#troubleUntilMs);
    this.#heal();
    const healedMs = world.clock.nowMs;
    world.run(SETTLE_MS, () => world.isIdle);
    this.#settledMs = world.clock.nowMs - healedMs;
    this.#check();
    this.#close();
  }

  // ── what the applications do ───────────────────────────────────────────────

  #openLater(peer: SimPeer): void {
    const random = this.#random;
    const count = random.whole(0, 8);
    for (let index = 0; index < count; index += 1) {
      this.#world.clock.at(random.next() ** 2 * this.#troubleUntilMs, () => this.#open(peer));
    }
  }

  #open(peer: SimPeer): void {
    const plan = this.#randomPlan();
    if (peer.app.open(plan) === undefined) return;
    this.#streams += 1;
    this.#bytes += plan.size;
  }

  #randomPlan(): StreamPlan {
    const random = this.#random;
    const priority = random.pick([0, 0, 1, 2, 2] as const);
    const largest =
      priority === 0
        ? 100_000
        : random.pick([20_000, 20_000, 300_000, 300_000, 2_000_000, 2_000_000, 8_000_000]);
    const size = random.chance(0.1) ? 0 : Math.ceil(random.next() ** 2 * largest);
    const isReset = random.chance(0.1);
    return {
      priority,
      size,
      writeBytes: random.pick([Math.ceil(size / 50) + 1, 1_000, 16_384, 262_144]),
      resetAt: isReset ? random.whole(0, size) : undefined,
      stopAt: !isReset && size > 0 && random.chance(0.1) ? random.whole(1, size) : undefined,
    };
  }

  // ── what befalls the paths ─────────────────────────────────────────────────

  #randomShape(): WireShape {
    const random = this.#random;
    const isRough = !this.#isOrderly && random.chance(0.7);
    return {
      delayMs: random.pick([0.2, 5, 25, 100]),
      jitterMs: random.pick([0, 0, 5, 40]),
      bytesPerSecond: random.pick([200_000, 2_500_000, 12_500_000]),
      loss: isRough ? random.pick([0, 0.005, 0.05]) : 0,
      duplication: isRough ? random.pick([0, 0.02]) : 0,
      reordering: isRough ? random.pick([0, 0.02, 0.2]) : 0,
    };
  }

  #troubleLater(): void {
    const random = this.#random;
    this.#world.clock.after(random.next() * random.pick([50, 500, 3_000]), () => {
      if (this.#world.clock.nowMs >= this.#troubleUntilMs) return;
      this.#trouble();
      this.#troubleLater();
    });
  }

  #trouble(): void {
    const random = this.#random;
    const kind = random.pick(["relay", "direct", "direct"] as const);
    const link = this.#world.current[kind];
    const side = random.pick([undefined, undefined, "client", "extension"] as const);
    switch (random.whole(0, 8)) {
      case 0:
      case 1:
        if (link !== undefined) this.#cut(link, side);
        return;
      case 2:
        this.#noteCut();
        this.#world.close(kind);
        return;
      case 3:
        if (this.#world.current.direct === undefined) this.#connectDirect();
        return;
      case 4:
        // The client's socket came back without its old one having been missed.
        if (kind !== "relay") return;
        this.#noteCut();
        this.#reconnectRelay();
        return;
      case 5:
        link?.reshape(this.#randomShape(), side);
        return;
      case 6:
        this.#peer().app.appetite = random.pick([50_000, 1_000_000, Number.POSITIVE_INFINITY]);
        return;
      case 7:
        this.#world.client.session.setPolicy(random.pick(POLICIES), this.#world.clock.nowMs);
        this.#world.client.run();
        return;
      default:
        this.#peer().stall(random.pick([300, 1_000, 3_000]));
        return;
    }
  }

  #cut(link: SimLink, side: Side | undefined): void {
    const random = this.#random;
    const kind: Cut = this.#isOrderly ? random.pick(["hold", "drop"]) : "drop";
    this.#noteCut();
    link.cut(kind, side);
    const forMs = random.pick([30, 300, 1_500, 6_000, 30_000]);
    this.#world.clock.after(forMs * random.next(), () => link.cut("none", side));
  }

  #noteCut(): void {
    this.#cuts += 1;
    this.#world.ledger.onCut();
  }

  #connectDirect(): void {
    if (this.#world.current.direct === undefined) this.#world.connectDirect();
  }

  #reconnectRelay(): void {
    this.#world.noteRelay();
    const old = this.#world.current.relay;
    if (old !== undefined) this.#world.client.detach(old.id);
    this.#world.connectRelay();
  }

  #peer(): SimPeer {
    return this.#random.chance(0.5) ? this.#world.client : this.#world.extension;
  }

  // ── what must hold ─────────────────────────────────────────────────────────

  #heal(): void {
    const world = this.#world;
    const healthy: WireShape = {
      delayMs: 10,
      jitterMs: 1,
      bytesPerSecond: 2_500_000,
      loss: 0,
      duplication: 0,
      reordering: 0,
    };
    for (const kind of ["relay", "direct"] as const) {
      Object.assign(world.shapes[kind], healthy);
      world.current[kind]?.cut("none");
      world.current[kind]?.reshape(healthy);
    }
    world.rebuildMs = 100;
    for (const peer of [world.client, world.extension]) {
      peer.app.appetite = Number.POSITIVE_INFINITY;
    }
    if (world.current.relay === undefined) world.connectRelay();
  }

  #check(): void {
    const world = this.#world;
    world.noteRelay();
    if (!world.isIdle) throw new Error(`not everything arrived: ${this.#unfinished()}`);
    for (const peer of [world.client, world.extension]) {
      const limit = BULK_WINDOW_BYTES + peer.app.incoming.size * CONTROL_WINDOW_BYTES;
      if (peer.app.maxUnconsumedBytes > limit) {
        throw new Error(`${peer.side} held ${peer.app.maxUnconsumedBytes} unread bytes`);
      }
      const ticks = peer.ticks / world.clock.nowMs;
      if (ticks > MAX_TICKS_PER_MS) throw new Error(`${peer.side} ticked ${ticks} times per ms`);
      for (const kind of ["relay", "direct"] as const) {
        const bytes = peer.maxInFlightBytes[kind];
        if (bytes > CEILING_BYTES[kind] + ONE_RECORD_BYTES) {
          throw new Error(`${peer.side} had ${bytes} bytes in flight on ${kind}`);
        }
      }
    }
    if (world.ledger.maxResentHeldBytes > RESENT_HELD_BYTES) {
      throw new Error(`${world.ledger.maxResentHeldBytes} held bytes were sent again after a cut`);
    }
  }

  #close(): void {
    const world = this.#world;
    const closed = new Map<Side, string>();
    for (const peer of [world.client, world.extension]) {
      const before = peer.app.onEvent;
      peer.app.onEvent = (event) => {
        before(event);
        if (event.type === "closed") closed.set(peer.side, event.error?.message ?? "well");
      };
    }
    const closers = this.#random.pick([
      [world.client],
      [world.extension],
      [world.client, world.extension],
    ]);
    for (const peer of closers) {
      peer.session.close(world.clock.nowMs, CLOSE_MS);
      peer.run();
    }
    world.run(CLOSE_MS, () => closed.size === 2);
    for (const side of ["client", "extension"] as const) {
      if (closed.get(side) !== "well") throw new Error(`${side} closed: ${closed.get(side)}`);
    }
  }

  #unfinished(): string {
    const world = this.#world;
    return [world.client, world.extension]
      .map(({ side, app, session }) => {
        const open = session.streams.undelivered().map((stream) => ({
          id: stream.id,
          priority: stream.priority,
          retained: stream.retainedBytes,
          pending: stream.pendingBytes,
          isUncertain: stream.hasUncertain,
          limit: stream.limit,
          reset: stream.resetCode,
          plan: app.outgoing.get(stream.id),
        }));
        const paths = session
          .paths()
          .map((path) => `${path.id.kind} ${path.id.generation} ${path.state}`);
        return `${side} ${paths.join(", ")} ${JSON.stringify(open)}`;
      })
      .join("\n");
  }
}
