/** One outgoing stream: its messages in order, how much of them is unsent, and its share. */

import { Fifo } from "./fifo.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";

/** RFC 8831 section 6.4: below normal 128, normal 256, high 512, extra high 1024. */
const NORMAL_PRIORITY = 256;

export class SendStream {
  readonly id: number;
  readonly messages = new Fifo<OutgoingMessage>();
  weight = NORMAL_PRIORITY;
  /** Of `messages`: what was not sent even once. */
  bufferedBytes = 0;
  lowThreshold = 0;
  /** Stream sequence number of the next ordered message; with RFC 8260, its message identifier. */
  nextOrderedId = 0;
  /** RFC 8260 section 2.1 counts unordered messages apart. */
  nextUnorderedId = 0;
  /** From the wish to reset it until that is done: takes no new message (RFC 6525 section 5.1.2). */
  isResetting = false;

  /** For {@link ReadyStreams}: bytes sent, divided by the weight; and the place in the heap. */
  virtualTime = 0;
  heapIndex = -1;
  /** Order among equals: who became ready first. */
  turn = 0;

  constructor(id: number) {
    this.id = id;
  }
}
