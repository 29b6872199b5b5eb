/**
 * Whether the path lives while nothing is said: RFC 9260 section 8.3. The information in a HEARTBEAT
 * is ours and comes back as it was; a nonce in it makes sure that we sent it.
 */

import type { HeartbeatChunk } from "../wire/chunk.ts";
import { RetryTimer } from "./retry-timer.ts";

/** RFC 9260 section 16: HB.interval. */
const INTERVAL_MS = 30_000;
/** Section 8.3 wants up to half an RTO of jitter, lest many sides beat together; a tenth serves. */
const JITTER = 0.1;
const MOST_WAIT_MS = 3000;
/** As of time-outs of data: Association.Max.Retrans. */
const MOST_BEATS = 10;

const INFO_BYTES = 16;
/** The chunk's header, its parameter's, and the information. */
export const HEARTBEAT_BYTES = 8 + INFO_BYTES;

export class Heartbeat {
  readonly #timer = new RetryTimer({ mostWaitMs: MOST_WAIT_MS, mostSendings: MOST_BEATS });
  readonly #random: () => number;
  readonly #nonce: number;

  constructor(random: () => number) {
    this.#random = random;
    this.#nonce = Math.floor(random() * 0x1_0000_0000);
  }

  get wakeAtMs(): number {
    return this.#timer.wakeAtMs;
  }

  get hasFailed(): boolean {
    return this.#timer.hasFailed;
  }

  /** Something of the other side arrived. */
  onPacket(nowMs: number, timeoutMs: number): void {
    const jitter = 1 + JITTER * this.#random();
    this.#timer.start(nowMs + INTERVAL_MS * jitter, timeoutMs);
  }

  stop(): void {
    this.#timer.stop();
  }

  /** @param isIdle nothing is on the way: data tells as much of the path as a heartbeat does. */
  due(nowMs: number, isIdle: boolean, timeoutMs: number): HeartbeatChunk | undefined {
    if (!this.#timer.isDue(nowMs)) return undefined;
    if (!isIdle) {
      this.onPacket(nowMs, timeoutMs);
      return undefined;
    }
    this.#timer.onSent(nowMs);
    return this.chunk(nowMs, { probeBytes: 0, fillBytes: 0 });
  }

  /** A probe says what packet it makes, 0 for none, and how much longer it is for that. */
  chunk(nowMs: number, probe: { probeBytes: number; fillBytes: number }): HeartbeatChunk {
    const info = new Uint8Array(INFO_BYTES + probe.fillBytes);
    const view = new DataView(info.buffer);
    view.setFloat64(0, nowMs);
    view.setUint32(8, this.#nonce);
    view.setUint32(12, probe.probeBytes);
    return { type: "heartbeat", info };
  }

  /** What an answer says; undefined when it answers nothing of ours. */
  read(info: Uint8Array): { readonly sentAtMs: number; readonly probeBytes: number } | undefined {
    if (info.byteLength < INFO_BYTES) return undefined;
    const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
    if (view.getUint32(8) !== this.#nonce) return undefined;
    return { sentAtMs: view.getFloat64(0), probeBytes: view.getUint32(12) };
  }
}
