/**
 * The graceful end: RFC 9260 section 9.2.
 *
 *     open ─begin─▶ pending ─all sent─▶ sent ──────SHUTDOWN ACK─────▶ done
 *       └─SHUTDOWN─▶ received ─all sent─▶ ack-sent ─SHUTDOWN COMPLETE─▶ done
 */

import type { ShutdownChunk } from "../wire/chunk.ts";
import { RetryTimer } from "./retry-timer.ts";

const MOST_WAIT_MS = 3000;
/** RFC 9260 section 9.2: Association.Max.Retrans. */
const MOST_SENDINGS = 10;
/**
 * T5-shutdown-guard: from the first SHUTDOWN or SHUTDOWN ACK on. Whoever goes on to send data, or to say
 * SHUTDOWN, keeps the other timer from ever running out.
 */
const GUARD_MS = 30_000;

export class Shutdown {
  phase: "open" | "pending" | "sent" | "received" | "ack-sent" = "open";

  readonly #timer = new RetryTimer({ mostWaitMs: MOST_WAIT_MS, mostSendings: MOST_SENDINGS });
  #failsAtMs = Number.POSITIVE_INFINITY;

  get wakeAtMs(): number {
    return Math.min(this.#timer.wakeAtMs, this.#failsAtMs);
  }

  begin(): void {
    if (this.phase === "open") this.phase = "pending";
  }

  /** @param timeoutMs the retransmission timeout: T2-shutdown waits as long. */
  onShutdown(nowMs: number, timeoutMs: number): void {
    // Both began: each answers the other's SHUTDOWN.
    if (this.phase === "sent") {
      this.phase = "ack-sent";
      this.#timer.start(nowMs, timeoutMs);
    } else if (this.phase === "open" || this.phase === "pending") this.phase = "received";
    else if (this.phase === "ack-sent") this.#timer.start(nowMs, timeoutMs);
  }

  /** SHUTDOWN tells what we received: while it waits for an answer, data makes it be sent again. */
  onData(nowMs: number, timeoutMs: number): void {
    if (this.phase === "sent") this.#timer.start(nowMs, timeoutMs);
  }

  /** True when this ends it; SHUTDOWN COMPLETE answers. */
  onShutdownAck(): boolean {
    return this.phase === "sent" || this.phase === "ack-sent";
  }

  onShutdownComplete(): boolean {
    return this.phase === "ack-sent";
  }

  /** Whatever was to be sent is sent and acknowledged. */
  onAllSent(nowMs: number, timeoutMs: number): void {
    if (this.phase === "pending") this.phase = "sent";
    else if (this.phase === "received") this.phase = "ack-sent";
    else return;
    this.#failsAtMs = nowMs + GUARD_MS;
    this.#timer.start(nowMs, timeoutMs);
  }

  /** @param cumulativeTsn the highest received without a gap. */
  due(nowMs: number, cumulativeTsn: number): ShutdownChunk | "failed" | undefined {
    if (nowMs >= this.#failsAtMs) return "failed";
    if (!this.#timer.isDue(nowMs)) return undefined;
    if (this.#timer.hasFailed) return "failed";
    this.#timer.onSent(nowMs);
    const type = this.phase === "sent" ? "shutdown" : "shutdown-ack";
    return { type, cumulativeTsn, isTagReflected: false };
  }
}
