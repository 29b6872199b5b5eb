/**
 * The simulation's bookkeeper: sees every record that is sent and received, and complains when a
 * promise of the session is broken. Knows both ends, which no real peer does.
 */

import { decodeFrames, decodeRecord, type Frame, PRIORITY } from "@beeline/protocol";
import type { Parcel, Side } from "./sim-link.ts";

/** What one receiver holds of one stream, as sorted disjoint ranges. */
class Held {
  readonly #ranges: [number, number][] = [];

  /** @returns how many bytes of [start, end) are held already. */
  overlap(start: number, end: number): number {
    let bytes = 0;
    for (const [from, to] of this.#ranges) {
      bytes += Math.max(0, Math.min(to, end) - Math.max(from, start));
    }
    return bytes;
  }

  add(start: number, end: number): void {
    const merged: [number, number] = [start, end];
    let index = 0;
    while (index < this.#ranges.length) {
      const range = this.#ranges[index] as [number, number];
      if (range[0] <= merged[1] && merged[0] <= range[1]) {
        merged[0] = Math.min(merged[0], range[0]);
        merged[1] = Math.max(merged[1], range[1]);
        this.#ranges.splice(index, 1);
      } else {
        index += 1;
      }
    }
    if (merged[1] > merged[0]) this.#ranges.push(merged);
  }
}

export class Ledger {
  readonly #lastNumbers = new Map<string, number>();
  readonly #held: Record<Side, Map<number, Held>> = { client: new Map(), extension: new Map() };
  /** Bytes sent again although the receiver held them: since the last cut, and the worst cut. */
  #resentHeldBytes = 0;
  #hasCut = false;
  maxResentHeldBytes = 0;
  /** Over the whole history, cut or not. */
  totalResentHeldBytes = 0;
  records = 0;

  /** Looks into a record that `from` is about to send. */
  onSend(from: Side, bytes: Uint8Array): Parcel {
    const record = decodeRecord(bytes);
    this.records += 1;
    const key = `${from} ${record.kind} ${record.generation}`;
    const last = this.#lastNumbers.get(key) ?? -1;
    if (record.packetNumber <= last) {
      throw new Error(`packet number ${record.packetNumber} after ${last} on ${key}`);
    }
    this.#lastNumbers.set(key, record.packetNumber);
    const frames = record.type === "frames" ? decodeFrames(record.body) : [];
    const held = this.#held[from === "client" ? "extension" : "client"];
    for (const frame of frames) {
      if (frame.type !== "stream" || frame.priority === PRIORITY.control) continue;
      const end = frame.offset + frame.bytes.byteLength;
      const again = held.get(frame.id)?.overlap(frame.offset, end) ?? 0;
      this.#resentHeldBytes += again;
      this.totalResentHeldBytes += again;
    }
    if (this.#hasCut) {
      this.maxResentHeldBytes = Math.max(this.maxResentHeldBytes, this.#resentHeldBytes);
    }
    return { bytes, frames };
  }

  /** Notes what `to` holds from now on. */
  onReceive(to: Side, frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.type !== "stream") continue;
      const held = this.#held[to].get(frame.id) ?? new Held();
      this.#held[to].set(frame.id, held);
      held.add(frame.offset, frame.offset + frame.bytes.byteLength);
    }
  }

  onCut(): void {
    this.#hasCut = true;
    this.#resentHeldBytes = 0;
  }
}
