/**
 * Episodes of recovery: the first loss begins one, and it lasts until everything that was on the way
 * then is acknowledged. The controller hears of an episode once, however much was lost in it.
 *
 * Every loss is a guess. An episode whose losses all turned out to be late arrivals is undone (in the
 * spirit of RFC 4015 and of the duplicate reports of RFC 3708).
 */

import type { InFlight } from "./in-flight.ts";

/** Episodes are kept in a byte per chunk; 0 means none. */
const EPISODES = 255;

export class Recovery {
  isActive = false;

  readonly #book: InFlight;
  #until = 0;
  #episode = 0;
  #losses = 0;
  #disproved = 0;

  constructor(book: InFlight) {
    this.#book = book;
  }

  /** True when an episode begins with it. */
  onLoss(ordinal: number): boolean {
    const isFirst = !this.isActive;
    if (isFirst) this.begin();
    this.#losses += 1;
    this.#book.setEpisode(ordinal, this.#episode);
    return isFirst;
  }

  /** Also within an episode: the timer fired, and all before it is one loss with what follows. */
  begin(): void {
    this.isActive = true;
    this.#until = this.#book.next;
    this.#episode = (this.#episode % EPISODES) + 1;
    this.#losses = 0;
    this.#disproved = 0;
  }

  /** It was late, not lost. True when that was the last loss of the episode to be disproved. */
  onDisproved(ordinal: number): boolean {
    if (this.#losses === 0 || this.#book.episode(ordinal) !== this.#episode) return false;
    this.#book.setEpisode(ordinal, 0);
    this.#disproved += 1;
    if (this.#disproved < this.#losses) return false;
    this.#losses = 0;
    return true;
  }

  /** True when the episode ends. */
  onCumulative(): boolean {
    if (!this.isActive || this.#book.first < this.#until) return false;
    this.isActive = false;
    return true;
  }
}
