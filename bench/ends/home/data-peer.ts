/** Our own data peer, filled as the raw channels are; counts what it sends again. */

import type { CreateCongestionControl } from "@beeline/sctp";
import { openDataPeer } from "../data-peer-wire.ts";
import { ResentBytes } from "../resent-bytes.ts";
import { serveWire } from "../wire.ts";
import type { OpenHome } from "./home.ts";

/** @param createCongestionControl absent: the peer's own choice. */
export function dataPeerHome(createCongestionControl?: CreateCongestionControl): OpenHome {
  return async ({ options, onSignal }) => {
    const sent = new ResentBytes();
    const terms = {
      isOfferer: true,
      ...(createCongestionControl !== undefined && { createCongestionControl }),
      onPacket: (direction: "sent" | "received", packet: Uint8Array) => {
        if (direction === "sent") sent.onPacket(packet);
      },
    };
    const peer = openDataPeer(terms, options, onSignal);
    peer.wire.then(serveWire, () => {});
    return {
      accept: (signal) => peer.accept(signal),
      sent: () => sent.counters,
      close: async () => peer.close(),
    };
  };
}
