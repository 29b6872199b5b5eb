/**
 * What is remembered of every chunk of user data, in columns: a ring indexed by the chunk's ordinal.
 *
 * Ordinals count our TSNs from 0 and don't wrap; only the wire knows TSNs. Columns instead of objects
 * keep thousands of chunks in flight out of the garbage collector's way.
 *
 * Slots of chunks that were acknowledged keep their numbers until they are used again: a duplicate
 * report (RFC 9260 section 3.3.4) may name a chunk that was acknowledged long ago.
 */

import type { SendStamp } from "../congestion/rate-sampler.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";

/** 256 packets of 1200 bytes: a window of 300 kB. A ring doubles when it is full. */
const FIRST_CAPACITY = 256;

export class FlightRing {
  messages: (OutgoingMessage | undefined)[] = [];
  stamps: (SendStamp | undefined)[] = [];
  offsets = new Uint32Array(0);
  lengths = new Uint32Array(0);
  fragments = new Uint32Array(0);
  states = new Uint8Array(0);
  /** Times sent; stops at 255. */
  transmissions = new Uint8Array(0);
  /** The recovery episode that declared it lost, 1 to 255; 0 when none did, or wrongly. */
  episodes = new Uint8Array(0);
  /** Its share of its packet: headers and control chunks are on the packet's first chunk. */
  wireBytes = new Uint32Array(0);
  sentAtMs = new Float64Array(0);
  /** The how-manyth sending of all it was. */
  turns = new Float64Array(0);
  /** The same of its first sending. */
  firstSentAtMs = new Float64Array(0);
  firstTurns = new Float64Array(0);
  /** Neighbours in the order of sending, as ordinals; -1 for none. */
  older = new Float64Array(0);
  newer = new Float64Array(0);

  constructor() {
    this.#resize(FIRST_CAPACITY, 0, 0);
  }

  get capacity(): number {
    return this.states.length;
  }

  slot(ordinal: number): number {
    return ordinal & (this.states.length - 1);
  }

  /** Makes room for `next` beside all from `first` on. */
  reserve(first: number, next: number): void {
    if (next - first < this.capacity) return;
    this.#resize(this.capacity * 2, Math.max(0, next - this.capacity), next);
  }

  #resize(capacity: number, first: number, next: number): void {
    const none = new Array<undefined>(capacity).fill(undefined);
    this.messages = moved(this.messages, [...none], first, next);
    this.stamps = moved(this.stamps, [...none], first, next);
    this.offsets = moved(this.offsets, new Uint32Array(capacity), first, next);
    this.lengths = moved(this.lengths, new Uint32Array(capacity), first, next);
    this.fragments = moved(this.fragments, new Uint32Array(capacity), first, next);
    this.states = moved(this.states, new Uint8Array(capacity), first, next);
    this.transmissions = moved(this.transmissions, new Uint8Array(capacity), first, next);
    this.episodes = moved(this.episodes, new Uint8Array(capacity), first, next);
    this.wireBytes = moved(this.wireBytes, new Uint32Array(capacity), first, next);
    this.sentAtMs = moved(this.sentAtMs, new Float64Array(capacity), first, next);
    this.turns = moved(this.turns, new Float64Array(capacity), first, next);
    this.firstSentAtMs = moved(this.firstSentAtMs, new Float64Array(capacity), first, next);
    this.firstTurns = moved(this.firstTurns, new Float64Array(capacity), first, next);
    this.older = moved(this.older, new Float64Array(capacity), first, next);
    this.newer = moved(this.newer, new Float64Array(capacity), first, next);
  }
}

interface Column<T> {
  [index: number]: T;
  readonly length: number;
}

/** Both lengths are powers of two, so `&` finds the slot. */
function moved<T, C extends Column<T>>(old: Column<T>, column: C, first: number, next: number): C {
  for (let ordinal = first; ordinal < next; ordinal += 1) {
    column[ordinal & (column.length - 1)] = old[ordinal & (old.length - 1)] as T;
  }
  return column;
}
