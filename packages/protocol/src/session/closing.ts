/**
 * How a session ends without losing anything. Each side says `close` once the other's application has
 * everything it sent; who has said it and heard it knows that both have it all.
 *
 *     open ──close() or the peer's close──▶ draining ──all delivered──▶ said ──acknowledged──▶ heard
 *
 * Over: heard (or said, and lingered), and the peer has said it too.
 */

/** A last acknowledgement may be lost with the path that the peer closes at once: no need to wait longer. */
const LINGER_MS = 2_000;

export class Closing {
  #own: "open" | "draining" | "said" | "heard" = "open";
  #hasPeerSaid = false;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #lingerMs = Number.POSITIVE_INFINITY;

  /** New streams may still be opened. */
  get isOpen(): boolean {
    return this.#own === "open" || (this.#own === "draining" && !this.isOwnWish);
  }

  /** Our application asked for the end. */
  get isOwnWish(): boolean {
    return this.#deadlineMs !== Number.POSITIVE_INFINITY;
  }

  get wakeAtMs(): number {
    return Math.min(this.#deadlineMs, this.#lingerMs);
  }

  start(deadlineMs: number): void {
    if (this.#own === "open") this.#own = "draining";
    this.#deadlineMs = deadlineMs;
  }

  /** @returns whether this is the first we hear of it. */
  onPeerClose(): boolean {
    if (this.#hasPeerSaid) return false;
    this.#hasPeerSaid = true;
    if (this.#own === "open") this.#own = "draining";
    return true;
  }

  onAcked(): void {
    if (this.#own === "said") this.#own = "heard";
  }

  /** @returns what to do now: say `close`, or end the session, in time or too late. */
  advance(isAllDelivered: boolean, nowMs: number): "say" | "done" | "late" | undefined {
    if (this.#own === "draining" && isAllDelivered) {
      this.#own = "said";
      return "say";
    }
    if (this.#hasPeerSaid && this.#own === "heard") return "done";
    if (this.#hasPeerSaid && this.#own === "said") {
      this.#lingerMs = Math.min(this.#lingerMs, nowMs + LINGER_MS);
      if (nowMs >= this.#lingerMs) return "done";
      return undefined;
    }
    return nowMs >= this.#deadlineMs ? "late" : undefined;
  }
}
