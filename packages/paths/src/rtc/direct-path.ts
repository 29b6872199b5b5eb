/** A data channel as a path: opened once, replaced by the next generation when it fails. */

import type { PathId } from "@beeline/protocol";
import type { Path } from "../path.ts";
import { CHANNEL_BUFFER_BYTES, type RtcPeer } from "./rtc-peer.ts";

export class DirectPath implements Path {
  readonly id: PathId;
  readonly #peer: RtcPeer;

  constructor(peer: RtcPeer, generation: number) {
    this.#peer = peer;
    this.id = { kind: "direct", generation };
  }

  get canSend(): boolean {
    return this.#peer.bufferedBytes < CHANNEL_BUFFER_BYTES;
  }

  get isSelfPaced(): boolean {
    return this.#peer.isSelfPaced;
  }

  send(record: Uint8Array): void {
    this.#peer.send(record);
  }

  close(): void {
    this.#peer.close();
  }
}
