/**
 * An application at one end of a simulated session: writes streams whose every byte can be computed,
 * checks those of the other end as they come, and takes them as slowly as it is told to.
 */

import type { PathKind, Priority, Session, SessionEvent } from "@beeline/protocol";
import type { VirtualClock } from "./sim-clock.ts";
import { Random } from "./sim-random.ts";

export interface StreamPlan {
  readonly priority: Priority;
  readonly size: number;
  readonly writeBytes: number;
  /** Give the stream up after this many written bytes. */
  readonly resetAt?: number | undefined;
  /** The receiver stops it after this many bytes. */
  readonly stopAt?: number | undefined;
}

interface Outgoing extends StreamPlan {
  readonly id: number;
  written: number;
  isOver: boolean;
  isDelivered: boolean;
}

interface Incoming {
  received: number;
  consumed: number;
  isEnded: boolean;
  isReset: boolean;
}

/** A prime, so that no record size divides it. */
const PERIOD = 65_521;
const PATTERN = (() => {
  const once = new Random(1).bytes(PERIOD);
  const pattern = new Uint8Array(PERIOD * 2);
  pattern.set(once, 0);
  pattern.set(once, PERIOD);
  return Buffer.from(pattern.buffer);
})();

/** Written and not yet taken by the other side, per stream: what a real application would buffer. */
const RETAINED_BYTES = 4 * 1024 * 1024;

export class SimApp {
  readonly outgoing = new Map<number, Outgoing>();
  readonly incoming = new Map<number, Incoming>();
  readonly events: { readonly atMs: number; readonly event: SessionEvent }[] = [];
  /** Told of everything but data. */
  onEvent: (event: SessionEvent) => void = () => {};
  onData: (id: number, bytes: number, path: PathKind | undefined) => void = () => {};
  onEnded: (id: number) => void = () => {};
  maxUnconsumedBytes = 0;
  #unconsumed = 0;
  readonly #name: string;
  readonly #session: Session;
  readonly #clock: VirtualClock;
  readonly #touch: () => void;
  readonly #planOf: (id: number) => Outgoing | undefined;
  readonly #unread: { readonly id: number; readonly bytes: number }[] = [];
  #isEating = false;
  #appetite = Number.POSITIVE_INFINITY;

  constructor(
    name: string,
    session: Session,
    clock: VirtualClock,
    touch: () => void,
    planOf: (id: number) => Outgoing | undefined,
  ) {
    this.#name = name;
    this.#session = session;
    this.#clock = clock;
    this.#touch = touch;
    this.#planOf = planOf;
  }

  /** Bytes per second; Infinity takes everything at once. */
  get appetite(): number {
    return this.#appetite;
  }

  set appetite(bytesPerSecond: number) {
    this.#appetite = bytesPerSecond;
    this.#eat();
    this.#touch();
  }

  /** @returns undefined when the session cannot open another stream now. */
  open(plan: StreamPlan): number | undefined {
    if (!this.#session.streams.canOpen) return undefined;
    const id = this.#session.openStream(plan.priority);
    this.outgoing.set(id, { ...plan, id, written: 0, isOver: false, isDelivered: false });
    this.#feed(id);
    this.#touch();
    return id;
  }

  giveUp(id: number): void {
    const stream = this.outgoing.get(id);
    if (stream !== undefined) stream.isOver = true;
    this.#session.streams.reset(id, 9);
    this.#touch();
  }

  get isIdle(): boolean {
    for (const stream of this.outgoing.values()) {
      if (!stream.isDelivered && !stream.isOver) return false;
    }
    return this.#session.streams.undelivered().length === 0;
  }

  handle(event: SessionEvent): void {
    if (event.type !== "data") {
      this.events.push({ atMs: this.#clock.nowMs, event });
      this.onEvent(event);
    }
    switch (event.type) {
      case "opened":
        this.#expect(!this.incoming.has(event.id), `stream ${event.id} opened twice`);
        this.incoming.set(event.id, { received: 0, consumed: 0, isEnded: false, isReset: false });
        return;
      case "data":
        return this.#onData(event.id, event.bytes, event.path);
      case "ended": {
        const stream = this.#live(event.id);
        const plan = this.#planOf(event.id);
        this.#expect(stream.received === plan?.size, `stream ${event.id} ended short`);
        stream.isEnded = true;
        this.onEnded(event.id);
        return;
      }
      case "reset": {
        const stream = this.#live(event.id);
        this.#unconsumed -= stream.received - stream.consumed;
        stream.isReset = true;
        return;
      }
      case "stopped": {
        const stream = this.outgoing.get(event.id);
        if (stream !== undefined) stream.isOver = true;
        return;
      }
      case "writable":
        return this.#feed(event.id);
      case "delivered":
        return this.#onDelivered(event.id);
      default:
        return;
    }
  }

  #onData(id: number, bytes: Uint8Array, path: PathKind | undefined): void {
    const stream = this.#live(id);
    const plan = this.#planOf(id);
    const at = (stream.received + id * 7_919) % PERIOD;
    this.#expect(bytes.byteLength > 0, `stream ${id}: empty data`);
    this.#expect(
      PATTERN.compare(bytes, 0, bytes.byteLength, at, at + bytes.byteLength) === 0,
      `stream ${id}: wrong bytes at ${stream.received}`,
    );
    stream.received += bytes.byteLength;
    this.#unconsumed += bytes.byteLength;
    this.maxUnconsumedBytes = Math.max(this.maxUnconsumedBytes, this.#unconsumed);
    this.#expect(stream.received <= (plan?.size ?? 0), `stream ${id}: more than was written`);
    this.onData(id, bytes.byteLength, path);
    if (plan?.stopAt !== undefined && stream.received >= plan.stopAt) {
      this.#session.streams.stop(id, 7);
    }
    this.#unread.push({ id, bytes: bytes.byteLength });
    this.#eat();
  }

  /** Takes what waits: all of it now, or piece by piece at the pace of the appetite. */
  #eat(): void {
    if (this.appetite === Number.POSITIVE_INFINITY) {
      for (const { id, bytes } of this.#unread.splice(0)) this.#consume(id, bytes);
      return;
    }
    const next = this.#unread[0];
    if (next === undefined || this.#isEating) return;
    this.#isEating = true;
    this.#clock.after((next.bytes * 1000) / this.appetite, () => {
      this.#isEating = false;
      const meal = this.#unread.shift();
      if (meal !== undefined) this.#consume(meal.id, meal.bytes);
      this.#eat();
      this.#touch();
    });
  }

  #consume(id: number, bytes: number): void {
    const stream = this.incoming.get(id);
    if (stream === undefined || stream.isReset) return;
    stream.consumed += bytes;
    this.#unconsumed -= bytes;
    this.#session.streams.consume(id, bytes);
  }

  #onDelivered(id: number): void {
    const stream = this.outgoing.get(id);
    if (stream === undefined) throw this.#failure(`stream ${id}: not ours`);
    this.#expect(!stream.isDelivered, `stream ${id} delivered twice`);
    this.#expect(!stream.isOver, `stream ${id} delivered after it was given up`);
    stream.isDelivered = true;
    this.onDelivered(id);
  }

  /** Lets the simulation check that the other application took it all. */
  onDelivered: (id: number) => void = () => {};

  #feed(id: number): void {
    const stream = this.outgoing.get(id);
    const sender = this.#session.streams.sender(id);
    if (stream === undefined || sender === undefined || stream.isOver || sender.hasEnded) return;
    const limit = stream.resetAt ?? stream.size;
    while (stream.written < limit && sender.retainedBytes < RETAINED_BYTES) {
      const length = Math.min(stream.writeBytes, limit - stream.written);
      this.#session.write(id, pattern(id, stream.written, length));
      stream.written += length;
    }
    if (stream.written < limit) return;
    if (stream.resetAt !== undefined) this.giveUp(id);
    else this.#session.end(id);
  }

  #live(id: number): Incoming {
    const stream = this.incoming.get(id);
    if (stream === undefined || stream.isEnded || stream.isReset) {
      throw this.#failure(`stream ${id}: an event outside its life`);
    }
    return stream;
  }

  #expect(isTrue: boolean, otherwise: string): void {
    if (!isTrue) throw this.#failure(otherwise);
  }

  #failure(detail: string): Error {
    return new Error(`${this.#name} at ${this.#clock.nowMs.toFixed(1)} ms: ${detail}`);
  }
}

function pattern(id: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const at = (offset + done + id * 7_919) % PERIOD;
    const run = Math.min(length - done, PERIOD);
    bytes.set(PATTERN.subarray(at, at + run), done);
    done += run;
  }
  return bytes;
}
