/**
 * The little of WebRTC that a direct path needs, as a port: one peer connection with one reliable data
 * channel, used for one attempt and then thrown away. Its messages may overtake one another.
 *
 * Promises that every adapter keeps (test/contract/rtc-contract.ts):
 * - signals may be handed over in any order and before the peer is ready for them;
 * - `onOpen` comes at most once, `onClose` exactly once unless the owner closed the peer;
 * - a peer that closes tells the other one at once, if there is a way;
 * - messages arrive whole and never empty, in order unless something was lost on the way and an
 *   engine delivers past its repair; `send` refuses what breaks the other side;
 * - no server is contacted but those in `iceServers`.
 */

import {
  BeelineError,
  type DirectReason,
  type IceServer,
  MAX_RECORD_BYTES,
} from "@beeline/protocol";

export type RtcSignal =
  | { readonly kind: "offer" | "answer"; readonly sdp: string }
  | {
      readonly kind: "candidate";
      readonly candidate: {
        readonly candidate: string;
        readonly sdpMid?: string | null | undefined;
        readonly sdpMLineIndex?: number | null | undefined;
      };
    };

const PHASES = ["signaled", "checking", "connected", "secured"] as const;

/** How far an attempt came; each is reported once, in this order (an engine may skip some). */
export type RtcPhase = (typeof PHASES)[number];

export interface RtcHandlers {
  onSignal(signal: RtcSignal): void;
  onPhase(phase: RtcPhase): void;
  onOpen(): void;
  onMessage(message: Uint8Array): void;
  onWritable(): void;
  onClose(reason: DirectReason): void;
}

export interface RtcPeer {
  accept(signal: RtcSignal): void;
  /**
   * @throws {BeelineError} `LIMIT_EXCEEDED` for an empty or oversized message, `SESSION_CLOSED`
   * before the channel is open and after it closed, also if `onClose` is still to come.
   */
  send(message: Uint8Array): void;
  readonly bufferedBytes: number;
  /** Its transport paces itself and keeps no queue beyond `bufferedBytes`. */
  readonly isSelfPaced: boolean;
  close(): void;
}

export interface RtcOptions {
  readonly iceServers: readonly IceServer[];
}

export type CreateRtcPeer = (options: RtcOptions, handlers: RtcHandlers) => RtcPeer;

/**
 * Bytes that may lie in the channel below us. What is there delays every later command: 32 KiB are
 * 13 ms at 20 Mbit/s, and measured to cost no throughput over werift.
 */
export const CHANNEL_BUFFER_BYTES = 32 * 1024;

/**
 * werift wedges for ever on an empty message and refuses more than 65,536 bytes; Chrome and Firefox
 * have other limits. One rule for all of them.
 */
export function assertSendable(message: Uint8Array): void {
  if (message.byteLength === 0 || message.byteLength > MAX_RECORD_BYTES) {
    throw new BeelineError(
      "LIMIT_EXCEEDED",
      `a message of ${message.byteLength} bytes; 1 to ${MAX_RECORD_BYTES} are allowed`,
    );
  }
}

/** What `send` throws where there is no open channel. */
export function noChannel(): BeelineError {
  return new BeelineError("SESSION_CLOSED", "the direct channel is closed");
}

/**
 * Hands a message to an engine below. What throws there has ended, which is told a turn later at the
 * latest, or takes less than every channel of ours must: then `close` is called, after this.
 */
export function handOver(send: () => void, close: () => void): void {
  try {
    send();
  } catch {
    queueMicrotask(close);
    throw noChannel();
  }
}

/** Passes each phase on once and in order, whatever an engine repeats. */
export function eachOnce(onPhase: (phase: RtcPhase) => void): (phase: RtcPhase) => void {
  let reached = -1;
  return (phase) => {
    const index = PHASES.indexOf(phase);
    if (index <= reached) return;
    reached = index;
    onPhase(phase);
  };
}

/** Whether an SDP speaks of a data channel; engines take the strangest text without complaint. */
export function hasDataChannel(sdp: string): boolean {
  return /^m=application /m.test(sdp);
}
