/** simple-peer over @roamhq/wrtc (Chromium's own WebRTC in Node), filled as the raw channels are. */

import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import SimplePeer from "simple-peer";
import { RAW_BUFFER_BYTES, RAW_MESSAGE_BYTES } from "../page/rtc.ts";
import { serveWire } from "../wire.ts";
import type { OpenHome } from "./home.ts";

/** It never fires `bufferedamountlow` (node-webrtc #305), so we look; often enough not to run dry. */
const LOOK_EVERY_MS = 2;

export const openWrtc: OpenHome = async ({ options, onSignal }) => {
  const wrtc = createRequire(import.meta.url)("@roamhq/wrtc") as NonNullable<
    SimplePeer.Options["wrtc"]
  >;
  const iceServers = options.iceServers.map((server) => ({ ...server }));
  const peer = new SimplePeer({ initiator: true, trickle: true, wrtc, config: { iceServers } });
  peer.on("signal", (data) => {
    if (data.type === "offer" && data.sdp !== undefined) onSignal({ kind: "offer", sdp: data.sdp });
    if (data.type === "candidate") {
      const { candidate, sdpMid, sdpMLineIndex } = data.candidate;
      onSignal({ kind: "candidate", candidate: { candidate, sdpMid, sdpMLineIndex } });
    }
  });
  peer.on("connect", () =>
    serveWire({
      messageBytes: RAW_MESSAGE_BYTES,
      send: (message) => peer.send(message),
      get isFull() {
        return peer.bufferSize >= RAW_BUFFER_BYTES;
      },
      writable: () => delay(LOOK_EVERY_MS),
      onMessage: (listener) => peer.on("data", (message: Uint8Array) => listener(message)),
      close: () => peer.destroy(),
    }),
  );
  // A page that goes away is how every run ends.
  peer.on("error", () => {});
  return {
    accept(signal) {
      if (signal.kind === "candidate") {
        peer.signal({ type: "candidate", candidate: signal.candidate as RTCIceCandidate });
      } else {
        peer.signal({ type: signal.kind, sdp: signal.sdp });
      }
    },
    close: async () => {
      peer.destroy();
    },
  };
};
