/**
 * How large packets may be: RFC 8899 (datagram path discovery), section 6.2. Probes are HEARTBEATs
 * padded by PAD chunks (RFC 4820), so a probe that is lost costs no data and slows nothing down.
 *
 * It starts with what every path takes and tries the largest first, which most paths take. What lies
 * between is searched by halves. Chunks that were sent already keep their size when the path shrinks,
 * for their TSNs are given: what becomes of them is in send/outgrown.ts.
 */

/** RFC 8899 section 5.1.2: MAX_PROBES. */
const MOST_TRIES = 3;
/** Finer steps gain less than a third of a percent. */
const SMALLEST_STEP_BYTES = 16;
/** RFC 8899 section 5.1.1, PMTU_RAISE_TIMER: a path that took less is asked again after ten minutes. */
const RAISE_AFTER_MS = 600_000;
/** RFC 8899 section 5.1.1 has PROBE_TIMER > 1 s, so that a late answer is not a lost one. */
const LEAST_WAIT_MS = 1000;

export interface PathMtuOptions {
  readonly basePacketBytes: number;
  readonly maxPacketBytes: number;
}

export class PathMtu {
  /** What the path is known to take. */
  packetBytes: number;

  readonly #base: number;
  readonly #max: number;
  /** The smallest that is known not to pass; above `#max` when none is. */
  #tooLarge: number;
  #probeBytes = 0;
  #tries = 0;
  /** Since packets were thought too large nothing arrived. */
  #isSilent = false;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(options: PathMtuOptions) {
    this.#base = options.basePacketBytes & ~3;
    this.#max = Math.max(this.#base, options.maxPacketBytes & ~3);
    this.packetBytes = this.#base;
    this.#tooLarge = this.#max + 4;
  }

  get wakeAtMs(): number {
    return this.#atMs;
  }

  start(nowMs: number): void {
    this.#search(nowMs);
  }

  stop(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** The size of a probe to send now; undefined when none is due. */
  due(nowMs: number, timeoutMs: number): number | undefined {
    if (nowMs < this.#atMs) return undefined;
    if (this.#tries >= MOST_TRIES) {
      this.#tooLarge = this.#probeBytes;
      this.#search(nowMs);
      if (nowMs < this.#atMs) return undefined;
    }
    if (this.#probeBytes === 0) {
      // The raise timer: all sizes are possible again.
      this.#tooLarge = this.#max + 4;
      this.#search(nowMs);
    }
    this.#tries += 1;
    this.#atMs = nowMs + Math.max(LEAST_WAIT_MS, timeoutMs);
    return this.#probeBytes;
  }

  /** A probe arrived. True when packets may be larger now. */
  onProbeAnswered(probeBytes: number, nowMs: number): boolean {
    if (probeBytes <= this.packetBytes || probeBytes > this.#max) return false;
    this.packetBytes = probeBytes;
    this.#isSilent = false;
    if (this.#tooLarge <= probeBytes) this.#tooLarge = this.#max + 4;
    this.#search(nowMs);
    return true;
  }

  /** Packets seem to be too large (RFC 8899 section 4.3). True when they must be smaller now. */
  onBlackHole(): boolean {
    if (this.packetBytes === this.#base) return false;
    // It may have been a pause that every packet was lost in: what passed before is tried first.
    this.#probeBytes = this.packetBytes;
    this.#tries = 0;
    this.packetBytes = this.#base;
    this.#isSilent = true;
    this.#atMs = Number.POSITIVE_INFINITY;
    return true;
  }

  /** Something arrives. In silence a probe would tell nothing of sizes (RFC 8899 section 5.2, BASE). */
  onPathAnswers(nowMs: number): void {
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#atMs = nowMs;
  }

  #search(nowMs: number): void {
    this.#tries = 0;
    const isUntried = this.#tooLarge > this.#max;
    const middle = ((this.packetBytes + this.#tooLarge) >> 1) & ~3;
    const next = isUntried ? this.#max : middle;
    if (this.packetBytes >= this.#max) {
      this.#probeBytes = 0;
      this.#atMs = Number.POSITIVE_INFINITY;
    } else if (!isUntried && next - this.packetBytes < SMALLEST_STEP_BYTES) {
      this.#probeBytes = 0;
      this.#atMs = nowMs + RAISE_AFTER_MS;
    } else {
      this.#probeBytes = next;
      this.#atMs = nowMs;
    }
  }
}
