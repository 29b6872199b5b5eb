/**
 * Signalling: how two peers agree on one direct attempt. Opaque to the server.
 *
 * Every message names the session and the generation of the attempt it belongs to; the extension
 * counts generations up, and messages of an older one are dropped (a late candidate must never
 * reach a newer peer connection).
 */

import { z } from "zod";

/** SDP for one data channel is about 600 bytes; a hostile one must not be parsed at any length. */
const Sdp = z.string().max(16_384);

export const SignalMessage = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("offer"),
    sessionId: z.string().max(64),
    generation: z.number().int().min(1).max(0xffff_ffff),
    sdp: Sdp,
  }),
  z.object({
    kind: z.literal("answer"),
    sessionId: z.string().max(64),
    generation: z.number().int().min(1).max(0xffff_ffff),
    sdp: Sdp,
  }),
  z.object({
    kind: z.literal("candidate"),
    sessionId: z.string().max(64),
    generation: z.number().int().min(1).max(0xffff_ffff),
    candidate: z.object({
      candidate: z.string().max(1024),
      sdpMid: z.string().max(64).nullish(),
      sdpMLineIndex: z.number().int().nullish(),
    }),
  }),
  /** The client cannot or will not take part in attempts; `reason` is a {@link DirectReason}. */
  z.object({
    kind: z.literal("decline"),
    sessionId: z.string().max(64),
    generation: z.number().int().min(0).max(0xffff_ffff),
    reason: z.string().max(64),
  }),
  /** The client's network changed, or it became visible: worth an attempt now. */
  z.object({ kind: z.literal("nudge"), sessionId: z.string().max(64) }),
]);
export type SignalMessage = z.infer<typeof SignalMessage>;

/** Why traffic is where it is. Shown on the page and in the log; never renamed. */
export const DIRECT_REASONS = {
  "not-tried": "No direct attempt yet",
  connecting: "Trying to connect directly",
  open: "The direct channel is open",
  "disabled-here": "Direct is switched off on this side",
  "disabled-there": "Direct is switched off on the other side",
  "no-webrtc": "This environment has no WebRTC",
  "peer-unable": "The other side cannot connect directly",
  "no-answer": "The other side did not answer the offer",
  "ice-failed": "No network route between the two sides was found",
  "dtls-failed": "A route was found but the encrypted channel could not be set up",
  timeout: "The attempt took too long",
  "went-dark": "The direct channel stopped answering",
  "channel-closed": "The direct channel was closed",
  "slower-than-relay": "The relay is measurably faster",
  policy: "The chosen policy prefers the relay",
} as const;
export type DirectReason = keyof typeof DIRECT_REASONS;
