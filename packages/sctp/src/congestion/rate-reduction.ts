/**
 * The window while losses are repaired: Proportional Rate Reduction (RFC 6937). It sends a share of
 * what arrives, so that the flight comes down to the target within the round, neither by silence nor
 * by a burst at the end.
 */

export class RateReduction {
  readonly #targetBytes: number;
  readonly #startBytes: number;
  #deliveredBytes = 0;
  #sentBytes = 0;

  /** @param startBytes on the way when the first loss was found, lost packets included */
  constructor(startBytes: number, targetBytes: number) {
    this.#startBytes = Math.max(1, startBytes);
    this.#targetBytes = targetBytes;
  }

  onSent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** Section 3: the window after this acknowledgement. */
  windowAfter(ackedBytes: number, inFlightBytes: number, packetBytes: number): number {
    this.#deliveredBytes += ackedBytes;
    if (inFlightBytes > this.#targetBytes) {
      const due = (this.#deliveredBytes * this.#targetBytes) / this.#startBytes - this.#sentBytes;
      return inFlightBytes + Math.max(0, due);
    }
    // Below the target: as slow start would come back (PRR-SSRB).
    const most = Math.max(this.#deliveredBytes - this.#sentBytes, ackedBytes) + packetBytes;
    return inFlightBytes + Math.min(this.#targetBytes - inFlightBytes, Math.max(0, most));
  }
}
