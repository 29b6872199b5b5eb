/** What is counted as it happens; metrics.ts does the counting. */

import type { PeerId } from "@beeline/protocol";
import type { Line } from "./line.ts";
import type { RelayLimit } from "./relay-gate.ts";
import type { Parcel } from "./room-directory.ts";
import type { Member } from "./rooms.ts";

export interface SwitchboardMeter {
  /** `outcome` is "joined" or an error code. */
  joined(kind: Line["kind"], role: Member["role"], outcome: string): void;
  limited(limit: string): void;
  /** What came from another process for a peer here that does not keep up. */
  undelivered(kind: Parcel["kind"]): void;
  /** A peer is in no room any more, as far as this process hears of. */
  left(id: PeerId): void;
}

/** What was relayed, for metrics and for proving that a picture was not. */
export interface RelayMeter {
  relayed(bytes: number): void;
  dropped(limit: RelayLimit): void;
}
