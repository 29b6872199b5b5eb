/**
 * Turns a machine of packets: what arrives goes in, what is due goes out, and one timer wakes it.
 *
 * Batches: datagrams of one turn of the event loop (Node reads up to 32) are all taken in before
 * anything goes out, so that one packet carries the SACK for them and new data. What the owner sends
 * in one turn leaves at its end.
 *
 * Time: `setTimeout` has whole milliseconds and comes up to one late. The machine's pacer makes up for
 * that, so nothing here waits in a busy loop for a fraction of one; at 50 MB/s a tick is 50 KB.
 */

/** The part of an association, or of the channels above it, that carries packets. */
export interface PacketMachine {
  receive(packet: Uint8Array, nowMs: number): void;
  nextPacket(nowMs: number): Uint8Array | undefined;
  readonly wakeAtMs: number;
}

export interface PacketOwner {
  nowMs(): number;
  /** Seals or copies at once: the machine writes the next packet over this one. */
  send(packet: Uint8Array): void;
  /** Takes the machine's events. May use the machine and the driver, or close it. */
  onTurn(): void;
}

/** Packets sent before what arrived meanwhile is looked at: some 2 ms of sealing and sending. */
const MAX_PACKETS_PER_TURN = 128;
/** What Node's timers can hold; the machine is asked again then. */
const MAX_TIMER_MS = 60_000;

export class PacketDriver {
  readonly #machine: PacketMachine;
  readonly #owner: PacketOwner;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isTicking = false;
  #isFlushAsked = false;
  #isClosed = false;

  constructor(machine: PacketMachine, owner: PacketOwner) {
    this.#machine = machine;
    this.#owner = owner;
  }

  receive(packet: Buffer): void {
    if (this.#isClosed) return;
    // Views of a Buffer cost more than those of what is below it.
    const bytes = new Uint8Array(packet.buffer, packet.byteOffset, packet.byteLength);
    this.#machine.receive(bytes, this.#owner.nowMs());
    this.#turnLater();
  }

  /** To be called after the machine was used: what it has to say leaves when this turn ends. */
  flush(): void {
    if (this.#isFlushAsked || this.#isClosed) return;
    this.#isFlushAsked = true;
    if (!this.#isTicking) queueMicrotask(() => this.#turn());
  }

  /** What is due leaves now, for the last time. */
  close(): void {
    if (this.#isClosed) return;
    this.#sendAll();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #turnLater(): void {
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  #turn(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#isFlushAsked = false;
    if (this.#isClosed || this.#isTicking) return;
    this.#isTicking = true;
    // An owner that throws still has a path.
    let isMore = true;
    try {
      this.#owner.onTurn();
      this.#isFlushAsked = false;
      isMore = this.#sendAll();
      // Sending tells the owner of room, and what it sends then is due as well.
      if (!this.#isClosed) this.#owner.onTurn();
      isMore ||= this.#isFlushAsked;
    } finally {
      this.#isFlushAsked = false;
      this.#isTicking = false;
      if (!this.#isClosed) {
        if (isMore) this.#turnLater();
        else this.#sleep();
      }
    }
  }

  /** @returns whether the machine may have more to send now. */
  #sendAll(): boolean {
    if (this.#isClosed) return false;
    for (let count = 0; count < MAX_PACKETS_PER_TURN; count += 1) {
      const packet = this.#machine.nextPacket(this.#owner.nowMs());
      if (packet === undefined) return false;
      this.#owner.send(packet);
    }
    return true;
  }

  #sleep(): void {
    const { wakeAtMs } = this.#machine;
    const waitMs = wakeAtMs - this.#owner.nowMs();
    if (waitMs <= 0) {
      this.#turnLater();
      return;
    }
    if (wakeAtMs === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = wakeAtMs;
    if (waitMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.ceil(waitMs), MAX_TIMER_MS));
  }

  /**
   * Node runs timers before it reads sockets. After a stall the answers that a timer waits for may lie
   * there, and looking at the time first would take for lost what has arrived.
   */
  #wake(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#turnLater();
  }
}
