/**
 * The receiving half of an association: what arrived, when to acknowledge it, and the messages it
 * makes. Fed chunk by chunk, told when a packet ends, asked for a SACK when one is due.
 */

import type { ReceivedMessage } from "../association/association-api.ts";
import type { DataChunk, ForwardTsnChunk, SackChunk } from "../wire/chunk.ts";
import { isTsnAtOrAfter, tsnPlus } from "../wire/serial.ts";
import { AckPolicy } from "./ack-policy.ts";
import type { DataViolation } from "./fragment-outcome.ts";
import { type DataOutcome, Reassembly, type ReassemblyOptions } from "./reassembly.ts";
import { ReceivedTsns } from "./received-tsns.ts";

export interface ReceiverOptions extends ReassemblyOptions {
  /** The other side's, from its INIT or INIT ACK. */
  readonly initialTsn: number;
}

/**
 * The window is told anew when it was below a quarter and half of it is free again: a sender that
 * waits for room gets it in few large steps (RFC 9260 section 6.2, silly windows).
 */
const LOW_WINDOW = 1 / 4;
const REOPENED_WINDOW = 1 / 2;

export class Receiver {
  readonly #windowBytes: number;
  readonly #tsns: ReceivedTsns;
  readonly #reassembly: Reassembly;
  readonly #policy = new AckPolicy();
  #toldWindowBytes: number;
  /** Of the packet that is being read. */
  #hasNews = false;
  #isImmediate = false;
  #isOdd = false;
  #hadGap = false;

  constructor(options: ReceiverOptions) {
    this.#windowBytes = options.receiveWindowBytes;
    this.#toldWindowBytes = options.receiveWindowBytes;
    this.#tsns = new ReceivedTsns(options.initialTsn);
    this.#reassembly = new Reassembly(options);
  }

  get cumulativeTsn(): number {
    return this.#tsns.cumulativeTsn;
  }

  /**
   * A chunk of user data, which is copied if kept.
   * @returns as {@link DataOutcome}; "taken" also of duplicates. "no-room" needs no answer but the SACK
   * that follows.
   */
  receiveData(chunk: DataChunk): DataOutcome {
    this.#beginNews();
    if (chunk.isImmediate) this.#isImmediate = true;
    const kind = this.#tsns.classify(chunk.tsn);
    if (kind !== "new") {
      this.#isOdd = true;
      if (kind === "refused") return "no-room";
      this.#tsns.addDuplicate(chunk.tsn);
      return "taken";
    }
    const isNext = chunk.tsn === tsnPlus(this.#tsns.cumulativeTsn, 1);
    const outcome = this.#reassembly.add(chunk, isNext);
    if (outcome === "no-room") {
      this.#isOdd = true;
      return outcome;
    }
    if (outcome !== "taken" && outcome !== "invalid-stream") return outcome;
    const before = this.#tsns.cumulativeTsn;
    this.#tsns.add(chunk.tsn);
    return this.#reassembly.advance(before, this.#tsns.cumulativeTsn) ?? outcome;
  }

  /** FORWARD TSN or I-FORWARD-TSN: RFC 3758 section 3.6, RFC 8260 section 2.3.1. */
  receiveForwardTsn(chunk: ForwardTsnChunk): DataViolation | undefined {
    this.#beginNews();
    const before = this.#tsns.cumulativeTsn;
    if (!this.#tsns.forward(chunk.cumulativeTsn)) {
      // RFC 3758 section 3.6: an old one means that our SACK was lost.
      this.#isOdd = true;
      return undefined;
    }
    return (
      this.#reassembly.forward(chunk, before) ??
      this.#reassembly.advance(chunk.cumulativeTsn, this.#tsns.cumulativeTsn)
    );
  }

  /** Every chunk of a packet was given. Does nothing if none of them was data or FORWARD TSN. */
  endPacket(nowMs: number): void {
    if (!this.#hasNews) return;
    const hasGap = this.#hadGap || this.#tsns.hasGaps;
    this.#policy.onPacket({ isImmediate: this.#isImmediate, isOdd: this.#isOdd, hasGap }, nowMs);
    this.#hasNews = false;
  }

  /** The next message whose turn it is. */
  takeMessage(): ReceivedMessage | undefined {
    const message = this.#reassembly.take();
    const isLow = this.#toldWindowBytes < LOW_WINDOW * this.#windowBytes;
    if (isLow && this.#reassembly.windowBytes >= REOPENED_WINDOW * this.#windowBytes) {
      this.#policy.demand();
    }
    return message;
  }

  /** Whether the other side's reset after its `lastTsn` may be done: RFC 6525 section 5.2.2, E2. */
  hasAllUpTo(lastTsn: number): boolean {
    return isTsnAtOrAfter(this.#tsns.cumulativeTsn, lastTsn);
  }

  /** The other side's streams count from 0 again. @param streams none means all. */
  resetStreams(streams: readonly number[]): void {
    this.#reassembly.reset(streams);
  }

  /** The next packet is to carry a SACK, whatever arrived: for SHUTDOWN, RFC 9260 section 9.2. */
  demandSack(): void {
    this.#policy.demand();
  }

  isSackDue(nowMs: number): boolean {
    return this.#policy.isDue(nowMs);
  }

  /** A packet that leaves anyway may carry a SACK: something arrived since the last. */
  get isSackWanted(): boolean {
    return this.#policy.isWanted;
  }

  /** When a SACK is due; -Infinity for at once, Infinity for never. */
  get wakeAtMs(): number {
    return this.#policy.wakeAtMs;
  }

  /**
   * The SACK, which counts as sent now.
   * @param maxBytes room for the chunk, at least 16; gaps that don't fit are left out.
   */
  sack(maxBytes: number): SackChunk {
    this.#policy.onSent();
    this.#toldWindowBytes = this.#reassembly.windowBytes;
    return this.#tsns.sack(this.#toldWindowBytes, maxBytes);
  }

  #beginNews(): void {
    if (this.#hasNews) return;
    this.#hasNews = true;
    this.#isImmediate = false;
    this.#isOdd = false;
    this.#hadGap = this.#tsns.hasGaps;
  }
}
