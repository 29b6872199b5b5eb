/** Counts what is kept for the other side, against limits that a hostile one cannot get round. */

/**
 * Messages and fragments kept apart. Each costs some 300 bytes besides its payload: 5 MB in all. A
 * burst of messages of 100 bytes behind one loss at 100 Mbit/s and 100 ms has 12500.
 */
const MAX_PIECES = 16_384;
/**
 * Of these, what may be used while something before it is missing. The rest is for what is missing
 * first: refused, it would keep everything behind it from being delivered, and itself from being taken.
 */
const MAX_EARLY_PIECES = (4 * MAX_PIECES) / 5;

export class HeldBytes {
  readonly #limitBytes: number;
  #bytes = 0;
  #pieces = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What comes before its turn will be refused, however short it is. */
  get isOutOfPieces(): boolean {
    return this.#pieces >= MAX_EARLY_PIECES;
  }

  /**
   * Whether one more piece of so many bytes may be kept.
   * @param isNext nothing that was sent before it is missing.
   */
  hasRoom(bytes: number, isNext: boolean): boolean {
    const mostPieces = isNext ? MAX_PIECES : MAX_EARLY_PIECES;
    return this.#pieces < mostPieces && this.#bytes + bytes <= this.#limitBytes;
  }

  /** One more piece. */
  hold(bytes: number): void {
    this.#pieces += 1;
    this.#bytes += bytes;
  }

  /** A piece grew. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** A piece became part of another; its bytes stay. */
  absorb(): void {
    this.#pieces -= 1;
  }

  /** A piece is gone with all its bytes. */
  release(bytes: number): void {
    this.#pieces -= 1;
    this.#bytes -= bytes;
  }
}
