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

/** @param onChannel told of each channel that is open; `wire` is the first. */
export function answer(
  options: OpenOptions,
  onSignal: (signal: RtcSignal) => void,
  onChannel?: (label: string, wire: Wire) => void,
): PageRtc {
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
      const take = (): void => {
        const opened = wireOf(pc, channel);
        onChannel?.(channel.label, opened);
        resolve(opened);
      };
      if (channel.readyState === "open") take();
      else channel.onopen = take;
    };
  });
  const apply = async (signal: RtcSignal): Promise<void> => {
    if (signal.kind === "candidate") {
      await pc.addIceCandidate(signal.candidate as RTCIceCandidateInit);
      return;
    }
    await pc.setRemoteDescription({ type: "offer", sdp: signal.sdp });
    // Chromium would make its answer itself; wrtc, which answers by this too, does not.
    await pc.setLocalDescription(await pc.createAnswer());
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
