/** A channel of werift as it comes, without our shields: 16 KiB messages, 256 KiB in the channel. */

import type { RtcSignal } from "@beeline/paths";
import { RTCPeerConnection } from "werift";
import { RAW_BUFFER_BYTES, RAW_MESSAGE_BYTES } from "../page/rtc.ts";
import { serveWire, type Wire } from "../wire.ts";
import type { OpenHome } from "./home.ts";

export const openWerift: OpenHome = async ({ options, onSignal }) => {
  const pc = new RTCPeerConnection({
    iceServers: options.iceServers.map((server) => ({ ...server })),
  });
  const channel = pc.createDataChannel("bench");
  pc.onIceCandidate.subscribe((candidate) => {
    if (candidate === undefined) return;
    const { candidate: text, sdpMid, sdpMLineIndex } = candidate;
    onSignal({
      kind: "candidate",
      candidate: { candidate: text, sdpMid: sdpMid ?? "0", sdpMLineIndex: sdpMLineIndex ?? 0 },
    });
  });
  channel.stateChanged.subscribe((state) => {
    if (state === "open") serveWire(wireOf(channel));
  });
  const offer = await pc.createOffer();
  // Signalled before the description is set, which goes on until STUN has answered.
  pc.signalingStateChange.subscribe((state) => {
    if (state === "have-local-offer") onSignal({ kind: "offer", sdp: offer.sdp });
  });
  void pc.setLocalDescription(offer);
  let described = Promise.resolve();
  const apply = async (signal: RtcSignal): Promise<void> => {
    if (signal.kind === "answer") {
      described = pc.setRemoteDescription({ type: "answer", sdp: signal.sdp });
      return await described;
    }
    if (signal.kind !== "candidate") return;
    await described;
    const { candidate, sdpMid, sdpMLineIndex } = signal.candidate;
    await pc.addIceCandidate({
      candidate,
      sdpMid: sdpMid ?? "0",
      sdpMLineIndex: sdpMLineIndex ?? 0,
    });
  };
  return { accept: (signal) => void apply(signal).catch(() => {}), close: () => pc.close() };
};

function wireOf(channel: ReturnType<RTCPeerConnection["createDataChannel"]>): Wire {
  channel.bufferedAmountLowThreshold = RAW_BUFFER_BYTES / 2;
  let wake = (): void => {};
  channel.bufferedAmountLow.subscribe(() => wake());
  return {
    messageBytes: RAW_MESSAGE_BYTES,
    send: (message) => channel.send(Buffer.from(message.buffer)),
    get isFull() {
      return channel.bufferedAmount >= RAW_BUFFER_BYTES;
    },
    writable: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    onMessage: (listener) => {
      channel.onMessage.subscribe((message) => {
        if (typeof message !== "string") listener(message);
      });
    },
    close: () => channel.close(),
  };
}
