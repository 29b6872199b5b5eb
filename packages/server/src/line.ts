/** One connected socket, as the switchboard sees it: what peer-line.ts and shipped-sockets.ts give it. */

import type { BeelineError, LinkKey, PeerId, PeerInfo } from "@beeline/protocol";
import type { Parcel } from "./room-directory.ts";
import type { Room } from "./rooms.ts";

export interface Line {
  readonly id: PeerId;
  readonly kind: PeerInfo["kind"];
  /** Network address, for limits. */
  readonly address: string;
  /** Who its user proved to be in the handshake (see users.ts). May reject. */
  user(): Promise<string | undefined>;
  presence(room: Room): void;
  /** @param heard called once it has certainly arrived. */
  rekeyed(key: LinkKey, heard: () => void): void;
  kicked(error: BeelineError): void;
  /** Closes the socket: a newer one of the same installation took its place. */
  drop(): void;
  /**
   * Absent where nobody else could have the peer's place.
   * @param silent called if no ping is answered in a few seconds.
   */
  challenge?(silent: () => void): void;
  /** Closes the transport; the peer comes back by itself. */
  reconnect(): void;
  /** @returns false if it was dropped because too much waits for this peer already. */
  deliver(parcel: Parcel): boolean;
}

export type DialectEvent = "command" | "commandStatus";

export type JoinOutcome =
  | { readonly ok: true; readonly room: Room; readonly instanceName: string | null }
  /** `retry` is false only if the key certainly does not exist. */
  | { readonly ok: false; readonly error: BeelineError; readonly retry: boolean };
