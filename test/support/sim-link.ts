/**
 * One path of the simulation, both directions: the relay with its server in the middle, or the direct
 * channel. Each end takes a record only while little waits in its own first queue, as real drivers do.
 */

import type { Frame, PathId } from "@beeline/protocol";
import type { VirtualClock } from "./sim-clock.ts";
import type { Random } from "./sim-random.ts";
import { type Cut, SimWire, type WireShape } from "./sim-wire.ts";

/** A record on its way, with what it says: decoded once, for the ledger. */
export interface Parcel {
  readonly bytes: Uint8Array;
  readonly frames: readonly Frame[];
}

export type Side = "client" | "extension";

export interface LinkEnds {
  deliver(to: Side, link: SimLink, parcel: Parcel): void;
  onDrain(side: Side): void;
}

/** Bytes that wait in an end's own transport before it refuses more: what drivers allow a channel. */
const END_BUFFER_BYTES = 64 * 1024;

export class SimLink {
  readonly id: PathId;
  readonly #wires: Record<Side, readonly SimWire<Parcel>[]>;

  constructor(id: PathId, clock: VirtualClock, random: Random, shape: WireShape, ends: LinkEnds) {
    this.id = id;
    const build = (from: Side, to: Side): SimWire<Parcel>[] => {
      const last = new SimWire<Parcel>(clock, random, shape, (parcel) =>
        ends.deliver(to, this, parcel),
      );
      const wires =
        id.kind === "direct"
          ? [last]
          : [new SimWire<Parcel>(clock, random, shape, (parcel) => last.send(parcel)), last];
      (wires[0] as SimWire<Parcel>).onDrain = () => ends.onDrain(from);
      return wires;
    };
    this.#wires = { client: build("client", "extension"), extension: build("extension", "client") };
  }

  canSend(from: Side): boolean {
    return (this.#wires[from][0] as SimWire<Parcel>).queuedBytes < END_BUFFER_BYTES;
  }

  send(from: Side, parcel: Parcel): void {
    (this.#wires[from][0] as SimWire<Parcel>).send(parcel);
  }

  /** @param from only the direction that starts there; both when left out. */
  cut(kind: Cut, from?: Side): void {
    for (const wire of this.#each(from)) wire.cut(kind);
  }

  reshape(change: Partial<WireShape>, from?: Side): void {
    for (const wire of this.#each(from)) wire.shape = { ...wire.shape, ...change };
  }

  /** Changes one hop only, e.g. the receiver's slow line behind the relay. */
  reshapeHop(from: Side, hop: number, change: Partial<WireShape>): void {
    const wire = this.#wires[from][hop];
    if (wire !== undefined) wire.shape = { ...wire.shape, ...change };
  }

  close(): void {
    for (const wire of this.#each()) wire.close();
  }

  /** Most bytes that ever waited in the relay's server, in one direction. */
  get maxRelayBytes(): number {
    return Math.max(
      0,
      ...this.#each().flatMap((wire, hop) => (hop % 2 === 1 ? [wire.maxQueuedBytes] : [])),
    );
  }

  #each(from?: Side): SimWire<Parcel>[] {
    return from === undefined
      ? [...this.#wires.client, ...this.#wires.extension]
      : [...this.#wires[from]];
  }
}
