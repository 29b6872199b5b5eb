/**
 * werift as the RTC engine of the extension: always the offerer, with every known hazard of werift
 * 0.24.4 shielded here (each has a test that fails without its shield,
 * test/interop/werift-hazards.test.ts):
 *
 * - the record number and AES-GCM nonce of its DTLS Finished message repeat → numbers skip ahead;
 * - an empty message wedges the channel, a long one throws → refused before it gets there;
 * - addresses of VPN and container interfaces are left out → added by hand;
 * - Google's STUN server is asked when none is configured → the default is taken out;
 * - `setLocalDescription` waits up to 5 s for STUN → the offer leaves before it, candidates trickle;
 * - an answer waits up to 10 s for mDNS names among the candidates before it → those come after;
 * - a name that cannot be asked for ends the process → errors of asking are heard;
 * - closing keeps a 5 s timer for STUN and tells the other side nothing → both are done before it.
 *
 * Not shielded: its DTLS verifies neither the other side's signatures nor its Finished message, so a
 * copied certificate passes. data-peer/dtls-proof.ts does; it needs the handshake in its own hands.
 */

import type { networkInterfaces } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { BeelineError, type DirectReason } from "@beeline/protocol";
import { RTCPeerConnection } from "werift";
import { forgiveNames } from "./data-peer/forgive-names.ts";
import { interfacesNow } from "./data-peer/host-addresses.ts";
import {
  assertSendable,
  CHANNEL_BUFFER_BYTES,
  type CreateRtcPeer,
  eachOnce,
  handOver,
  hasDataChannel,
  noChannel,
  type RtcHandlers,
  type RtcOptions,
  type RtcPeer,
  type RtcSignal,
} from "./rtc-peer.ts";

/**
 * werift counts its Finished message as record 6 or 8 of epoch 1 and then starts application data at
 * 1. 32 is past both, with room for a retransmitted flight.
 */
const DTLS_NUMBERS_SKIPPED = 32;

/** Interface names that werift passes over by prefix; VPNs and containers are real routes for us. */
const SKIPPED_BY_WERIFT = ["ipsec", "tun", "utun", "tap", "vmnet", "veth"];

export const createWeriftPeer: CreateRtcPeer = (options, handlers) =>
  new WeriftPeer(options, handlers);

class WeriftPeer implements RtcPeer {
  readonly #pc: RTCPeerConnection;
  readonly #channel: ReturnType<RTCPeerConnection["createDataChannel"]>;
  readonly #handlers: RtcHandlers;
  readonly #early: RtcSignal[] = [];
  readonly #onPhase: RtcHandlers["onPhase"];
  #hasAnswer = false;
  #takesCandidates = false;
  #isOpen = false;
  #isClosed = false;
  #hasRoute = false;

  constructor(options: RtcOptions, handlers: RtcHandlers) {
    this.#handlers = handlers;
    this.#onPhase = eachOnce(handlers.onPhase);
    this.#pc = new RTCPeerConnection({
      iceServers: options.iceServers.map(toWeriftServer),
      iceAdditionalHostAddresses: additionalHostAddresses(interfacesNow()),
    });
    this.#channel = this.#pc.createDataChannel("beeline");
    this.#channel.bufferedAmountLowThreshold = CHANNEL_BUFFER_BYTES / 2;
    this.#listen(options);
    this.#offer().catch(() => this.#closeWith("ice-failed"));
  }

  /** Its SCTP sends in bursts and fills what queue there is. */
  readonly isSelfPaced = false;

  get bufferedBytes(): number {
    return this.#channel.bufferedAmount;
  }

  accept(signal: RtcSignal): void {
    if (this.#isClosed) return;
    if (signal.kind === "candidate" && !this.#takesCandidates) {
      this.#early.push(signal);
      return;
    }
    this.#apply(signal).catch(() => {
      // One bad candidate is no reason to give up; a bad answer is.
      if (signal.kind !== "candidate") this.#closeWith("ice-failed");
    });
  }

  send(message: Uint8Array): void {
    assertSendable(message);
    if (!this.#isOpen) throw noChannel();
    handOver(
      () => this.#channel.send(Buffer.from(message.buffer, message.byteOffset, message.byteLength)),
      () => this.#closeWith("channel-closed"),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#hangUp().catch(() => {});
  }

  /** werift itself closes the sockets first, and its ABORT chunk, which tells the other side, last. */
  async #hangUp(): Promise<void> {
    await this.#pc.sctpTransport?.stop();
    // Node sends a datagram a turn after it was asked to, unless the socket was closed meanwhile.
    await nextTurn();
    for (const ice of this.#pc.iceTransports) giveUpQuestions(ice);
    await this.#pc.close();
  }

  async #offer(): Promise<void> {
    const offer = await this.#pc.createOffer();
    if (this.#isClosed) return;
    // In this state werift takes an answer; setting the description goes on until STUN has answered.
    this.#pc.signalingStateChange.subscribe((state) => {
      if (state === "have-local-offer") this.#handlers.onSignal({ kind: "offer", sdp: offer.sdp });
    });
    await this.#pc.setLocalDescription(offer);
  }

  async #apply(signal: RtcSignal): Promise<void> {
    if (signal.kind === "candidate") {
      await this.#pc.addIceCandidate({
        candidate: signal.candidate.candidate,
        sdpMid: signal.candidate.sdpMid ?? "0",
        sdpMLineIndex: signal.candidate.sdpMLineIndex ?? 0,
      });
      return;
    }
    if (signal.kind !== "answer" || this.#hasAnswer) return;
    this.#hasAnswer = true;
    this.#onPhase("signaled");
    if (!hasDataChannel(signal.sdp)) throw new BeelineError("MESSAGE_MALFORMED", "not an answer");
    await this.#pc.setRemoteDescription({ type: "answer", sdp: signal.sdp });
    this.#takesCandidates = true;
    for (const early of this.#early.splice(0)) this.accept(early);
  }

  #listen(options: RtcOptions): void {
    const [ice] = this.#pc.iceTransports;
    const [dtls] = this.#pc.dtlsTransports;
    if (ice === undefined || dtls === undefined) {
      throw new BeelineError("INTERNAL", "werift made no transport for the data channel");
    }
    if (!hasStun(options)) removeDefaultStun(ice);
    forgiveNames(ice.connection);

    this.#pc.onIceCandidate.subscribe((candidate) => {
      if (candidate === undefined || this.#isClosed) return;
      const { candidate: text, sdpMid, sdpMLineIndex } = candidate;
      this.#handlers.onSignal({
        kind: "candidate",
        candidate: { candidate: text, sdpMid: sdpMid ?? "0", sdpMLineIndex: sdpMLineIndex ?? 0 },
      });
    });
    this.#pc.iceConnectionStateChange.subscribe((state) => {
      if (state === "checking") this.#onPhase("checking");
      if (state === "connected") {
        this.#hasRoute = true;
        this.#onPhase("connected");
      }
      if (state === "failed") this.#closeWith(this.#hasRoute ? "went-dark" : "ice-failed");
    });
    dtls.onStateChange.subscribe((state) => {
      if (state === "connected") {
        skipRecordNumbers(dtls);
        this.#onPhase("secured");
      }
      if (state === "failed") this.#closeWith("dtls-failed");
    });
    this.#channel.stateChanged.subscribe((state) => {
      if (state === "open" && !this.#isClosed) {
        this.#isOpen = true;
        this.#handlers.onOpen();
      }
      if (state === "closed") this.#closeWith("channel-closed");
    });
    this.#channel.onMessage.subscribe((message) => {
      if (typeof message !== "string" && !this.#isClosed) this.#handlers.onMessage(message);
    });
    this.#channel.bufferedAmountLow.subscribe(() => this.#handlers.onWritable());
  }

  #closeWith(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClose(reason);
  }
}

/** The part of werift that it does not export: checked before use, so that an update fails loudly. */
interface DtlsInside {
  readonly dtls?: { readonly dtls?: { recordSequenceNumber?: number } };
}

function skipRecordNumbers(transport: object): void {
  const context = (transport as DtlsInside).dtls?.dtls;
  if (typeof context?.recordSequenceNumber !== "number") {
    throw new BeelineError("INTERNAL", "werift keeps its DTLS record number elsewhere now");
  }
  context.recordSequenceNumber += DTLS_NUMBERS_SKIPPED;
}

interface IceInside {
  readonly connection: {
    stunServer?: unknown;
    readonly protocols: readonly {
      readonly transactions?: Readonly<Record<string, { failWithTimeout(): void }>>;
    }[];
  };
}

function removeDefaultStun(transport: object): void {
  const connection = (transport as IceInside).connection;
  if (!("stunServer" in connection)) {
    throw new BeelineError("INTERNAL", "werift keeps its STUN server elsewhere now");
  }
  connection.stunServer = undefined;
}

/** Closing, werift forgets its questions to STUN servers but not the 5 s it gave them. */
function giveUpQuestions(transport: object): void {
  for (const { transactions = {} } of (transport as IceInside).connection.protocols) {
    for (const transaction of Object.values(transactions)) transaction.failWithTimeout();
  }
}

function hasStun(options: RtcOptions): boolean {
  return options.iceServers.some((server) =>
    [server.urls].flat().some((url) => /^stuns?:/i.test(url)),
  );
}

function toWeriftServer(server: RtcOptions["iceServers"][number]): {
  urls: string | string[];
  username?: string;
  credential?: string;
} {
  return {
    urls: server.urls,
    ...(server.username === undefined ? {} : { username: server.username }),
    ...(server.credential === undefined ? {} : { credential: server.credential }),
  };
}

/**
 * Addresses werift would not offer by itself: those of interfaces it skips by name, and loopback on
 * a machine that has nothing else.
 */
export function additionalHostAddresses(
  interfaces: ReturnType<typeof networkInterfaces>,
): string[] {
  const skipped: string[] = [];
  let hasOrdinary = false;
  for (const [name, addresses] of Object.entries(interfaces)) {
    const usable = (addresses ?? []).filter(
      (address) => !address.internal && !/^(?:169\.254\.|fe80:)/i.test(address.address),
    );
    if (SKIPPED_BY_WERIFT.some((prefix) => name.startsWith(prefix))) {
      skipped.push(...usable.map((address) => address.address));
    } else if (usable.length > 0) {
      hasOrdinary = true;
    }
  }
  return hasOrdinary || skipped.length > 0 ? skipped : ["127.0.0.1"];
}
