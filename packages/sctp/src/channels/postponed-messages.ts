/**
 * Messages of streams whose last channel is not quite closed here while the other side, who knows more,
 * uses them for the next. Rare and short: the answer to our reset was lost.
 */

import type { ReceivedMessage } from "../association/association-api.ts";

/** What an honest side sends in the round trip until our reset is answered; beyond, the stream is refused. */
const MAX_BYTES = 1 << 20;
const MAX_MESSAGES = 1024;

export class PostponedMessages {
  readonly #byStream = new Map<number, ReceivedMessage[]>();
  #bytes = 0;
  #count = 0;

  has(streamId: number): boolean {
    return this.#byStream.has(streamId);
  }

  /** @returns false when there is no room. */
  add(message: ReceivedMessage): boolean {
    const bytes = this.#bytes + message.payload.byteLength;
    if (bytes > MAX_BYTES || this.#count >= MAX_MESSAGES) return false;
    this.#bytes = bytes;
    this.#count += 1;
    const messages = this.#byStream.get(message.streamId);
    if (messages === undefined) this.#byStream.set(message.streamId, [message]);
    else messages.push(message);
    return true;
  }

  /** Those of a stream in their order, which are no longer here. */
  take(streamId: number): readonly ReceivedMessage[] {
    const messages = this.#byStream.get(streamId) ?? [];
    this.#byStream.delete(streamId);
    this.#count -= messages.length;
    for (const { payload } of messages) this.#bytes -= payload.byteLength;
    return messages;
  }

  clear(): void {
    for (const streamId of [...this.#byStream.keys()]) this.take(streamId);
  }
}
