/** The relay as a path: records to one peer of the room, through the server. */

import type { PathId, PeerId } from "@beeline/protocol";
import type { Path } from "./path.ts";
import type { RoomConnection } from "./room-connection.ts";

export class RelayPath implements Path {
  readonly id: PathId;
  readonly peer: PeerId;
  readonly #room: RoomConnection;

  constructor(room: RoomConnection, peer: PeerId, generation: number) {
    this.#room = room;
    this.peer = peer;
    this.id = { kind: "relay", generation };
  }

  get canSend(): boolean {
    return this.#room.canSend;
  }

  send(record: Uint8Array): void {
    this.#room.relay(this.peer, record);
  }

  /** The room outlives its paths: nothing to close. */
  close(): void {}
}
