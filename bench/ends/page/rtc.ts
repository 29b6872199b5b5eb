/** The page's half of every raw data channel: Chromium's own peer connection, which answers. */

import type { RtcSignal } from "@beeline/paths";
import type { OpenOptions } from "../asker.ts";
import type { Wire } from "../wire.ts";

/** As the guide measured the libraries (section 2B): 16 KiB messages, 256 KiB in the channel. */
export const RAW_MESSAGE_BYTES = 16 * 1024;
export const RAW_BUFFER_BYTES = 256 * 1024;

export interface PageRtc {
  accept(signal: RtcSignal): void;
  readonly wire: Promise<Wire>;
}

export function answer(options: OpenOptions, onSignal: (signal: RtcSignal) => void): PageRtc {
  const pc = new RTCPeerConnection({
    iceServers: options.iceServers.map((server) => ({ ...server })),
  });
  const early: RtcSignal[] = [];
  let isDescribed = false;
  pc.onicecandidate = ({ candidate }) => {
    if (candidate === null || candidate.candidate === "") return;
    const { sdpMid, sdpMLineIndex } = candidate;
    onSignal({
      kind: "candidate",
      candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex },
    });
  };
  const wire = new Promise<Wire>((resolve) => {
    pc.ondatachannel = ({ channel }) => {
      if (channel.readyState === "open") resolve(wireOf(pc, channel));
      else channel.onopen = () => resolve(wireOf(pc, channel));
    };
  });
  const apply = async (signal: RtcSignal): Promise<void> => {
    if (signal.kind === "candidate") {
      await pc.addIceCandidate(signal.candidate as RTCIceCandidateInit);
      return;
    }
    await pc.setRemoteDescription({ type: "offer", sdp: signal.sdp });
    await pc.setLocalDescription();
    onSignal({ kind: "answer", sdp: pc.localDescription?.sdp ?? "" });
    isDescribed = true;
    for (const candidate of early.splice(0)) await apply(candidate);
  };
  const accept = (signal: RtcSignal): void => {
    if (signal.kind === "candidate" && !isDescribed) early.push(signal);
    else void apply(signal);
  };
  return { accept, wire };
}

function wireOf(pc: RTCPeerConnection, channel: RTCDataChannel): Wire {
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = RAW_BUFFER_BYTES / 2;
  return {
    messageBytes: RAW_MESSAGE_BYTES,
    send: (message) => channel.send(message),
    get isFull() {
      return channel.bufferedAmount >= RAW_BUFFER_BYTES;
    },
    writable: () =>
      new Promise((resolve) => {
        channel.onbufferedamountlow = () => resolve();
      }),
    onMessage: (listener) => {
      channel.onmessage = ({ data }) => listener(new Uint8Array(data as ArrayBuffer));
    },
    close: () => pc.close(),
  };
}
