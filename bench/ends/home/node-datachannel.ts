/** libdatachannel by node-datachannel, filled as the raw channels are. */

import { type DataChannel, PeerConnection } from "node-datachannel";
import type { IceServerOptions } from "../asker.ts";
import { RAW_BUFFER_BYTES, RAW_MESSAGE_BYTES } from "../page/rtc.ts";
import { serveWire, type Wire } from "../wire.ts";
import type { OpenHome } from "./home.ts";

export const openNodeDataChannel: OpenHome = async ({ options, onSignal }) => {
  const pc = new PeerConnection("bench", { iceServers: options.iceServers.map(toText) });
  pc.onLocalDescription((sdp, type) => {
    if (type === "offer") onSignal({ kind: "offer", sdp });
  });
  pc.onLocalCandidate((candidate, sdpMid) => {
    onSignal({ kind: "candidate", candidate: { candidate, sdpMid, sdpMLineIndex: 0 } });
  });
  const channel = pc.createDataChannel("bench");
  channel.onOpen(() => serveWire(wireOf(channel)));
  return {
    accept(signal) {
      if (signal.kind === "answer") pc.setRemoteDescription(signal.sdp, "answer");
      if (signal.kind === "candidate") {
        pc.addRemoteCandidate(signal.candidate.candidate, signal.candidate.sdpMid ?? "0");
      }
    },
    close: async () => pc.close(),
  };
};

function wireOf(channel: DataChannel): Wire {
  let wake = (): void => {};
  channel.setBufferedAmountLowThreshold(RAW_BUFFER_BYTES / 2);
  channel.onBufferedAmountLow(() => wake());
  return {
    messageBytes: RAW_MESSAGE_BYTES,
    send: (message) => void channel.sendMessageBinary(message),
    get isFull() {
      return channel.bufferedAmount() >= RAW_BUFFER_BYTES;
    },
    writable: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    onMessage: (listener) => {
      channel.onMessage((message) => {
        if (typeof message !== "string") listener(new Uint8Array(message));
      });
    },
    close: () => channel.close(),
  };
}

/** `turn:user:password@host:port`, the form that libdatachannel takes. */
function toText({ urls, username, credential }: IceServerOptions): string {
  if (username === undefined || credential === undefined) return urls;
  return urls.replace(":", `:${username}:${credential}@`);
}
