/**
 * How fast a download is, and how long it will take: measured over the last seconds, so that a
 * stall shows and a resumed part does not count as speed.
 *
 * Pure; milliseconds are passed in.
 */

/** Long enough to steady the figure, short enough to show a stall. */
const WINDOW_MS = 5_000;

export class TransferRate {
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** Notes how many bytes are there in all. Fewer than before: it began again, and so does this. */
  add(atMs: number, bytes: number): void {
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples.length = 0;
    this.#samples.push({ atMs, bytes });
    // One sample older than the window stays, so that the window is covered.
    while ((this.#samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second; 0 until two samples are apart in time. */
  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    // A clock that was set back gives no speed either.
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  /** Seconds until `total` bytes are there; unknown while nothing moves. */
  secondsTo(total: number): number | undefined {
    const speed = this.bytesPerSecond;
    const here = this.#samples.at(-1)?.bytes ?? 0;
    return speed > 0 ? Math.max(0, total - here) / speed : undefined;
  }
}
