/**
 * What becomes of a record's content once its fate is known: acknowledged, lost, or on a path that is
 * gone. Nothing is ever sent again as the same record.
 */

import { PRIORITY } from "../frames.ts";
import type { Closing } from "./closing.ts";
import type { ControlQueue } from "./control-queue.ts";
import type { SentRecord } from "./flight.ts";
import type { Streams } from "./streams.ts";

export class Repair {
  readonly #streams: Streams;
  readonly #controls: ControlQueue;
  readonly #closing: Closing;

  constructor(streams: Streams, controls: ControlQueue, closing: Closing) {
    this.#streams = streams;
    this.#controls = controls;
    this.#closing = closing;
  }

  onAcked(sent: SentRecord): void {
    for (const { stream, piece } of sent.pieces) stream.onAcked(piece);
    for (const control of sent.controls) {
      if (control.type === "reset") this.#streams.onResetAcked(control.id);
      if (control.type === "close") this.#closing.onAcked();
    }
  }

  onLost(sent: SentRecord): void {
    for (const { stream, piece } of sent.pieces) stream.onLost(piece);
    for (const control of sent.controls) this.#controls.add(control);
  }

  /** The path went dark or closed: commands go again at once, for bulk the peer is asked. */
  onAbandoned(sent: SentRecord): void {
    for (const control of sent.controls) this.#controls.add(control);
    for (const { stream, piece } of sent.pieces) {
      if (stream.priority === PRIORITY.control) {
        stream.onLost(piece);
      } else {
        stream.onUncertain(piece);
        if (stream.hasUncertain) this.#controls.add({ type: "query", id: stream.id });
      }
    }
  }
}
