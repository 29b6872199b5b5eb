/**
 * What waits to be sent to one socket, and how much of that is too much.
 *
 * engine.io keeps it in two places: packets that wait for the transport, and the batch that the
 * transport has but the kernel has not taken yet. Neither is exposed as a number, so this listens to
 * the documented events `packetCreate` (one more waits) and `flush` (the transport took them all).
 *
 * A peer that answers pings without reading is never found dead. So nothing may wait for it without
 * an end: records and messages are refused, answers are not given, and of what it is told about its
 * room the newest is enough.
 */

import { SHIPPED_MESSAGE_BYTES } from "@beeline/protocol";

/** What this needs of a socket.io socket. */
interface Sender {
  readonly conn: {
    readonly transport: {
      readonly writable: boolean;
      /** Emits `drain` once the kernel took everything that was handed over. */
      once(event: "drain", listener: () => void): unknown;
    };
    on(event: string, listener: (packet: { data?: string | Buffer }) => void): unknown;
  };
}

export class Outbox {
  readonly #conn: Sender["conn"];
  readonly #comfortableBytes: number;
  #waiting = 0;
  #handedOver = 0;
  #newest: (() => void) | undefined;
  /** The one whose `drain` is awaited. */
  #draining: Sender["conn"]["transport"] | undefined;

  /** @param comfortableBytes so many may wait for anybody; more than that means that it does not keep up. */
  constructor({ conn }: Sender, comfortableBytes: number) {
    this.#conn = conn;
    this.#comfortableBytes = comfortableBytes;
    conn.on("packetCreate", (packet) => {
      this.#waiting += packet.data?.length ?? 0;
    });
    conn.on("flush", () => {
      this.#handedOver = this.#waiting;
      this.#waiting = 0;
    });
    // What polling did not take goes by the new transport, and the old one never drains.
    conn.on("upgrade", () => this.#sendIfItFits());
  }

  get bytes(): number {
    // `writable` is true again once the kernel took everything that was handed over.
    return this.#waiting + (this.#conn.transport.writable ? 0 : this.#handedOver);
  }

  /** Whether `bytes` more would still be comfortable. */
  fits(bytes: number): boolean {
    return this.bytes + bytes <= this.#comfortableBytes;
  }

  /** What would be uncomfortable if `bytes` more waited. */
  excess(bytes = 0): number {
    return Math.max(0, this.bytes + bytes - this.#comfortableBytes);
  }

  /** Calls `send` now, or once there is room again, if no newer one was given until then. */
  sendNewest(send: () => void): void {
    this.#newest = send;
    this.#sendIfItFits();
  }

  /** What waited for room is not true any more. */
  forgetNewest(): void {
    this.#newest = undefined;
  }

  #sendIfItFits(): void {
    const send = this.#newest;
    if (send === undefined) return;
    if (this.fits(0)) {
      this.#newest = undefined;
      send();
      return;
    }
    const { transport } = this.#conn;
    if (transport === this.#draining) return;
    this.#draining = transport;
    transport.once("drain", () => {
      if (transport === this.#draining) this.#draining = undefined;
      this.#sendIfItFits();
    });
  }
}

/**
 * All that waits for the receivers of shipped-dialect messages, which are megabytes: the outboxes
 * together exceed their comfort by `total` bytes at most, and those of one address by a quarter of it.
 */
export class OutboxBudget {
  readonly #total: number;
  readonly #outboxes = new Map<Outbox, string>();

  constructor(total: number) {
    this.#total = total;
  }

  /** @returns a function to call once the outbox is closed. */
  add(outbox: Outbox, address: string): () => void {
    this.#outboxes.set(outbox, address);
    return () => void this.#outboxes.delete(outbox);
  }

  /** Of one receiver a message of the largest size may wait whole, and nothing behind it. */
  hasRoomFor(bytes: number, outbox: Outbox): boolean {
    if (outbox.bytes > SHIPPED_MESSAGE_BYTES) return false;
    const more = outbox.excess(bytes) - outbox.excess();
    if (more === 0) return true;
    const mine = this.#outboxes.get(outbox);
    let all = more;
    let ours = more;
    for (const [other, address] of this.#outboxes) {
      const excess = other.excess();
      all += excess;
      if (address === mine) ours += excess;
    }
    return all <= this.#total && ours <= this.#total / 4;
  }
}
