/**
 * The relay as a path: records to one peer of the room, through the server. Those that are sent in the
 * same turn of the event loop share a `relay` event, as many as the session says that the path bears.
 */

import { type PathId, type PeerId, RelayFrame } from "@beeline/protocol";
import type { Path } from "./path.ts";
import type { RoomConnection } from "./room-connection.ts";

/** What a path needs of a room. */
export type RelayRoom = Pick<RoomConnection, "canSend" | "relay">;

export class RelayPath implements Path {
  readonly id: PathId;
  /** TCP keeps a queue that only its delay betrays. */
  readonly isSelfPaced = false;
  readonly peer: PeerId;
  readonly #room: RelayRoom;
  readonly #frame = new RelayFrame();

  constructor(room: RelayRoom, peer: PeerId, generation: number) {
    this.#room = room;
    this.peer = peer;
    this.id = { kind: "relay", generation };
  }

  get canSend(): boolean {
    return this.#room.canSend;
  }

  send(record: Uint8Array, batchBytes: number): void {
    if (this.#frame.isEmpty) queueMicrotask(() => this.#flush());
    this.#frame.add(record);
    if (this.#frame.isFull(batchBytes)) this.#flush();
  }

  /** The room outlives its paths: nothing to close. */
  close(): void {}

  #flush(): void {
    if (!this.#frame.isEmpty) this.#room.relay(this.peer, this.#frame.take());
  }
}
