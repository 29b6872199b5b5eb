/** Our own data peer as a wire: the channel that the adapter opens, and one for commands beside it. */

import type { RtcSignal } from "@beeline/paths";
import { DataPeer, type DataPeerOptions } from "@beeline/paths/data-peer";
import type { ChannelEvent, DataChannel } from "@beeline/sctp";
import type { OpenOptions } from "./asker.ts";
import { RAW_BUFFER_BYTES, RAW_MESSAGE_BYTES } from "./page/rtc.ts";
import { BULK_LABEL, COMMANDS_LABEL, twoLanes } from "./two-lanes.ts";
import type { Wire } from "./wire.ts";

/** "high" of RFC 8831 section 6.4; pictures have the normal 256. */
const COMMANDS_PRIORITY = 512;

interface Lane {
  readonly channel: DataChannel;
  readonly wire: Wire;
  hear(message: Uint8Array): void;
  wake(): void;
}

export interface WiredPeer {
  readonly wire: Promise<Wire>;
  accept(signal: RtcSignal): void;
  close(): void;
}

export type PeerTerms = Pick<DataPeerOptions, "isOfferer" | "createCongestionControl" | "onPacket">;

export function openDataPeer(
  terms: PeerTerms,
  options: OpenOptions,
  onSignal: (signal: RtcSignal) => void,
): WiredPeer {
  const lanes = new Map<string, Lane>();
  let ready: (wire: Wire) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const wire = new Promise<Wire>((resolve, reject) => {
    ready = resolve;
    fail = reject;
  });
  const take = (channel: DataChannel): void => {
    lanes.set(channel.label, laneOf(peer, channel));
    const [bulk, commands] = [lanes.get(BULK_LABEL), lanes.get(COMMANDS_LABEL)];
    if (bulk !== undefined && commands !== undefined) ready(twoLanes(bulk.wire, commands.wire));
  };
  const onChannel = (event: Exclude<ChannelEvent, { kind: "ended" }>): void => {
    if (event.kind === "open" || event.kind === "channel") return take(event.channel);
    const lane = lanes.get(event.channel.label);
    if (event.kind === "message") lane?.hear(event.payload);
    if (event.kind === "buffered-low") lane?.wake();
  };
  const iceServers = options.iceServers.map((server) => ({ ...server }));
  const peer = new DataPeer(
    { ...terms, iceServers },
    {
      onSignal,
      onPhase: () => {},
      onChannel,
      onClosed: (reason) => fail(new Error(`it closed: ${reason}`)),
    },
  );
  if (terms.isOfferer) {
    peer.openChannel({ label: BULK_LABEL });
    peer.openChannel({ label: COMMANDS_LABEL, priority: COMMANDS_PRIORITY });
  }
  return { wire, accept: (signal) => peer.accept(signal), close: () => peer.close() };
}

function laneOf(peer: DataPeer, channel: DataChannel): Lane {
  channel.setBufferedLowThreshold(RAW_BUFFER_BYTES / 2);
  let listener: (message: Uint8Array) => void = () => {};
  let wake = (): void => {};
  return {
    channel,
    hear: (message) => listener(message),
    wake: () => wake(),
    wire: {
      messageBytes: RAW_MESSAGE_BYTES,
      send: (message) => peer.send(channel, message),
      get isFull() {
        return channel.bufferedBytes >= RAW_BUFFER_BYTES;
      },
      writable: () =>
        new Promise((resolve) => {
          wake = resolve;
        }),
      onMessage: (given) => {
        listener = given;
      },
      close: () => peer.close(),
    },
  };
}
