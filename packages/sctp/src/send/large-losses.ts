/**
 * Whether large packets are lost as a rule, while small ones may arrive: RFC 8899 section 4.3. Losses
 * count one after the other, each of a packet that left when the one before was known to be lost; what
 * is lost together counts once, and any large packet that arrives ends the count.
 */

/** By chance, where a fifth is lost, that is one in a hundred: then packets are smaller for a round trip. */
const MOST_IN_A_ROW = 3;

export class LargeLosses {
  /** Packets up to this pass everywhere. */
  readonly #baseBytes: number;
  /** Packets larger than this are tries of what the path no longer takes. */
  #mostBytes = Number.POSITIVE_INFINITY;
  #inARow = 0;
  #knownAtTurn = 0;

  constructor(baseBytes: number) {
    this.#baseBytes = baseBytes;
  }

  get isRule(): boolean {
    return this.#inARow >= MOST_IN_A_ROW;
  }

  onArrived(packetBytes: number): void {
    if (packetBytes > this.#baseBytes) this.#inARow = 0;
  }

  /**
   * @param turn of the packet among all sendings
   * @param newestTurn of what left last by now
   */
  onLost(packetBytes: number, turn: number, newestTurn: number): void {
    const isLarge = packetBytes > this.#baseBytes && packetBytes <= this.#mostBytes;
    if (!isLarge || turn <= this.#knownAtTurn) return;
    this.#inARow += 1;
    this.#knownAtTurn = newestTurn;
  }

  /** Packets are filled up to so many bytes from now on. */
  onPacketSize(bytes: number): void {
    this.#mostBytes = bytes;
    this.#inARow = 0;
  }
}
