/**
 * simple-peer as the client's RTC engine: always the answerer. In a browser over its own WebRTC, in
 * Node over @roamhq/wrtc.
 *
 * simple-peer destroys itself when ICE fails and cannot restart it, and its `send` knows no limits;
 * so one object serves one attempt, and the limits are ours.
 */

import type { DirectReason } from "@beeline/protocol";
import SimplePeer from "#simple-peer";
import { loadWrtc, type Wrtc } from "#wrtc";
import {
  assertSendable,
  CHANNEL_BUFFER_BYTES,
  type CreateRtcPeer,
  eachOnce,
  handOver,
  noChannel,
  type RtcHandlers,
  type RtcOptions,
  type RtcPeer,
  type RtcSignal,
} from "./rtc-peer.ts";

/**
 * @roamhq/wrtc never fires `bufferedamountlow`: while something waits, look again after this long.
 * In a browser the event comes first, also in a hidden tab, whose timers are slow.
 */
const DRAIN_CHECK_MS = 20;

/** @returns undefined where there is no WebRTC: an old browser, or Node without @roamhq/wrtc. */
export async function loadSimplePeer(): Promise<CreateRtcPeer | undefined> {
  if (SimplePeer.WEBRTC_SUPPORT) {
    return (options, handlers) => new SimplePeerPeer(options, handlers, undefined);
  }
  const wrtc = await loadWrtc();
  if (wrtc === undefined) return undefined;
  return (options, handlers) => new SimplePeerPeer(options, handlers, wrtc);
}

class SimplePeerPeer implements RtcPeer {
  readonly #peer: SimplePeer.Instance;
  readonly #handlers: RtcHandlers;
  readonly #onPhase: RtcHandlers["onPhase"];
  #isClosed = false;
  #isOpen = false;
  #hasRoute = false;
  #drainTimer: ReturnType<typeof setInterval> | undefined;

  constructor(options: RtcOptions, handlers: RtcHandlers, wrtc: Wrtc | undefined) {
    this.#handlers = handlers;
    this.#onPhase = eachOnce(handlers.onPhase);
    this.#peer = new SimplePeer({
      initiator: false,
      trickle: true,
      config: { iceServers: options.iceServers as RTCIceServer[] },
      ...(wrtc === undefined ? {} : { wrtc }),
    });
    this.#listen();
  }

  /** Its SCTP sends in bursts and fills what queue there is. */
  readonly isSelfPaced = false;

  get bufferedBytes(): number {
    return this.#peer.bufferSize;
  }

  accept(signal: RtcSignal): void {
    if (this.#isClosed) return;
    if (signal.kind === "offer") this.#onPhase("signaled");
    try {
      this.#peer.signal(
        signal.kind === "candidate"
          ? { type: "candidate", candidate: signal.candidate as RTCIceCandidate }
          : { type: signal.kind, sdp: signal.sdp },
      );
    } catch {
      this.#closeWith("ice-failed");
    }
  }

  send(message: Uint8Array): void {
    assertSendable(message);
    if (!this.#isOpen) throw noChannel();
    handOver(
      () => this.#peer.send(message),
      () => this.#closeWith("channel-closed"),
    );
    if (this.bufferedBytes >= CHANNEL_BUFFER_BYTES) this.#watchDrain();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#stopWatching();
    this.#peer.removeAllListeners();
    // What simple-peer still has to say about its own end interests nobody.
    this.#peer.on("error", () => {});
    this.#peer.destroy();
  }

  #listen(): void {
    const peer = this.#peer;
    peer.on("signal", (data) => {
      if (data.type === "answer" && data.sdp !== undefined) {
        this.#handlers.onSignal({ kind: "answer", sdp: data.sdp });
      } else if (data.type === "candidate") {
        const { candidate, sdpMid, sdpMLineIndex } = data.candidate;
        this.#handlers.onSignal({
          kind: "candidate",
          candidate: { candidate, sdpMid, sdpMLineIndex },
        });
      }
    });
    peer.on("iceStateChange", (state) => {
      if (state === "checking") this.#onPhase("checking");
      if (state === "connected" && !this.#hasRoute) {
        this.#hasRoute = true;
        this.#onPhase("connected");
      }
    });
    peer.on("connect", () => {
      this.#isOpen = true;
      this.#listenToDrain();
      this.#handlers.onOpen();
    });
    peer.on("data", (message: Uint8Array | string) => {
      if (typeof message !== "string" && !this.#isClosed) this.#handlers.onMessage(message);
    });
    peer.on("error", (error: Error & { code?: string }) => this.#closeWith(this.#reasonOf(error)));
    peer.on("close", () => this.#closeWith("channel-closed"));
  }

  #reasonOf(error: { code?: string }): DirectReason {
    if (this.#isOpen) return error.code === "ERR_DATA_CHANNEL" ? "channel-closed" : "went-dark";
    if (error.code === "ERR_ICE_CONNECTION_FAILURE") return "ice-failed";
    return this.#hasRoute ? "dtls-failed" : "ice-failed";
  }

  /** simple-peer keeps its channel to itself and asks for the event at 64 KiB, which we never reach. */
  #listenToDrain(): void {
    const channel = (this.#peer as { readonly _channel?: RTCDataChannel })._channel;
    if (channel === undefined) return;
    channel.bufferedAmountLowThreshold = CHANNEL_BUFFER_BYTES / 2;
    channel.addEventListener("bufferedamountlow", () => this.#drained());
  }

  #watchDrain(): void {
    this.#drainTimer ??= setInterval(() => this.#drained(), DRAIN_CHECK_MS);
  }

  #drained(): void {
    if (this.#isClosed || this.bufferedBytes >= CHANNEL_BUFFER_BYTES) return;
    this.#stopWatching();
    this.#handlers.onWritable();
  }

  #stopWatching(): void {
    clearInterval(this.#drainTimer);
    this.#drainTimer = undefined;
  }

  #closeWith(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClose(reason);
  }
}
