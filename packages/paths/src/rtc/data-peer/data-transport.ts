/**
 * Protected datagrams to one other peer: descriptions exchanged, a route found, DTLS upon it. Either
 * side may offer. What the datagrams mean is the owner's business.
 *
 * A shell: it holds no rule of ICE, DTLS or SDP, only their order.
 */

import { randomInt } from "node:crypto";
import type { DirectReason, IceServer } from "@beeline/protocol";
import type { RtcPhase, RtcSignal } from "../rtc-peer.ts";
import { RECORD_OVERHEAD_BYTES } from "./dtls-records.ts";
import { createCertificate, type DtlsCertificate, DtlsSession } from "./dtls-session.ts";
import { IceAgent } from "./ice-agent.ts";
import { readIceServers } from "./ice-servers.ts";
import {
  type DtlsSetup,
  readDescription,
  type Section,
  type SessionDescription,
  writeDescription,
} from "./session-description.ts";

export interface TransportOptions {
  readonly isOfferer: boolean;
  readonly iceServers: readonly IceServer[];
  readonly sctpPort: number;
  readonly maxMessageBytes: number;
}

/** What both descriptions agreed on for the association. */
export interface AssociationTerms {
  /** The DTLS client's channels have even ids (RFC 8832 section 6). */
  readonly isDtlsClient: boolean;
  readonly remotePort: number;
  /** 0 means any. */
  readonly maxMessageBytes: number;
  /** SCTP packets that every path takes, and the largest that this one might. */
  readonly basePacketBytes: number;
  readonly maxPacketBytes: number;
}

export interface TransportHandlers {
  onSignal(signal: RtcSignal): void;
  onPhase(phase: RtcPhase): void;
  /** Once: `send` works from now on. */
  onSecured(terms: AssociationTerms): void;
  /** Its memory is the owner's. */
  onDatagram(payload: Buffer): void;
  /** At most once, and never after `close`. */
  onClosed(reason: DirectReason): void;
}

/** No route was found in this time: browsers give up after 15 to 30 s. */
const ROUTE_MS = 30_000;
/** From the route to the end of the handshake; werift gives a lost flight up after 33 s. */
const HANDSHAKE_MS = 30_000;
/** Candidates that may come before the description that they belong to. */
const MAX_EARLY_SIGNALS = 64;
const OFFERED_MID = "0";

export class DataTransport {
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #ice: IceAgent;
  readonly #early: string[] = [];
  readonly #sessionId = String(randomInt(2 ** 47));
  #version = 0;
  #mid = OFFERED_MID;
  #certificate: DtlsCertificate | undefined;
  #remote: SessionDescription | undefined;
  #dtls: DtlsSession | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Ever; and whether that of now was told, which a restart ends. */
  #hasRoute = false;
  #isRouteTold = false;
  #isAnswerDue = false;
  #isSecured = false;
  #isClosed = false;

  constructor(options: TransportOptions, handlers: TransportHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#ice = new IceAgent(options.isOfferer, readIceServers(options.iceServers), {
      onCandidate: (candidate) => this.#signalCandidate(candidate),
      onState: (state) => this.#onIceState(state),
      onDatagram: (datagram) => this.#dtls?.receive(datagram),
    });
    this.#begin().catch(() => this.#end("ice-failed"));
  }

  accept(signal: RtcSignal): void {
    if (this.#isClosed) return;
    if (signal.kind === "candidate") {
      this.#acceptCandidate(signal.candidate.candidate);
      return;
    }
    try {
      this.#acceptDescription(signal.kind, readDescription(signal.sdp));
    } catch {
      this.#end("ice-failed");
    }
  }

  /** The payload may be reused at once. Lost, as any datagram may be, while there is no route. */
  send(payload: Uint8Array): void {
    if (this.#isSecured && !this.#isClosed) this.#dtls?.send(payload);
  }

  /** RFC 8445 section 9, by a new offer; the association goes on. Only for the offerer. */
  restartIce(): void {
    if (this.#isClosed || !this.#options.isOfferer || this.#remote === undefined) return;
    // Checks stop until the answer comes: without a limit an offer that is lost would end them for good.
    this.#failAfter(ROUTE_MS, this.#hasRoute ? "went-dark" : "ice-failed");
    this.#ice.restart();
    this.#offer();
    if (!this.#isClosed) this.#ice.gather();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#deadline);
    this.#dtls?.close();
    this.#ice.close();
  }

  async #begin(): Promise<void> {
    this.#certificate = await createCertificate();
    if (this.#isClosed) return;
    if (this.#options.isOfferer) this.#offer();
    else if (this.#isAnswerDue) this.#answer();
    else return;
    if (!this.#isClosed) this.#ice.gather();
  }

  #offer(): void {
    this.#describe("offer", "actpass");
  }

  #answer(): void {
    this.#isAnswerDue = this.#certificate === undefined;
    if (this.#isAnswerDue || this.#remote === undefined) return;
    this.#describe("answer", this.#isDtlsClient ? "active" : "passive", this.#remote.sections);
    this.#connect();
  }

  #describe(kind: "offer" | "answer", setup: DtlsSetup, sections?: readonly Section[]): void {
    if (this.#certificate === undefined) return;
    this.#version += 1;
    const { ufrag, password } = this.#ice.credentials;
    const sdp = writeDescription({
      sessionId: this.#sessionId,
      version: this.#version,
      mid: this.#mid,
      iceUfrag: ufrag,
      icePassword: password,
      fingerprint: this.#certificate.fingerprint,
      setup,
      sctpPort: this.#options.sctpPort,
      maxMessageBytes: this.#options.maxMessageBytes,
      ...(sections === undefined ? {} : { sections }),
    });
    this.#handlers.onSignal({ kind, sdp });
  }

  #acceptDescription(kind: "offer" | "answer", remote: SessionDescription): void {
    if (kind === (this.#options.isOfferer ? "offer" : "answer")) return;
    const isSame = remote.iceUfrag === this.#remote?.iceUfrag;
    if (isSame) return;
    const isRestart = this.#remote !== undefined;
    if (isRestart && !this.#isSameCertificate(remote)) throw new Error("another certificate");
    this.#remote = remote;
    this.#mid = remote.mid;
    this.#handlers.onPhase("signaled");
    if (this.#isClosed) return;
    if (isRestart && !this.#options.isOfferer) this.#ice.restart();
    this.#ice.setRemote({ ufrag: remote.iceUfrag, password: remote.icePassword }, remote.isIceLite);
    for (const candidate of [...remote.candidates, ...this.#early.splice(0)]) {
      this.#ice.addRemoteCandidate(candidate);
    }
    if (this.#options.isOfferer) {
      this.#connect();
      return;
    }
    this.#answer();
    if (!this.#isAnswerDue && !this.#isClosed) this.#ice.gather();
  }

  /** RFC 8842 section 4: another fingerprint would be another association. */
  #isSameCertificate({ fingerprints }: SessionDescription): boolean {
    return fingerprints.every(({ algorithm, value }) =>
      this.#remote?.fingerprints.some(
        (known) => known.algorithm === algorithm && known.value === value,
      ),
    );
  }

  #acceptCandidate(candidate: string): void {
    if (this.#remote !== undefined) this.#ice.addRemoteCandidate(candidate);
    else if (this.#early.length < MAX_EARLY_SIGNALS) this.#early.push(candidate);
  }

  #signalCandidate(candidate: string): void {
    if (this.#isClosed) return;
    this.#handlers.onSignal({
      kind: "candidate",
      candidate: { candidate, sdpMid: this.#mid, sdpMLineIndex: this.#lineIndex },
    });
  }

  get #lineIndex(): number {
    const at = this.#remote?.sections.findIndex(({ isOurs }) => isOurs) ?? 0;
    return Math.max(at, 0);
  }

  /** RFC 8842 section 5.3: an answerer that may choose begins the handshake. */
  get #isDtlsClient(): boolean {
    const setup = this.#remote?.setup;
    return this.#options.isOfferer ? setup === "passive" : setup !== "active";
  }

  #connect(): void {
    if (this.#isClosed) return;
    this.#prepareDtls();
    if (!this.#hasRoute) this.#failAfter(ROUTE_MS, "ice-failed");
    this.#ice.connect();
  }

  /** Before there is a route: the other side may have one first, and begin. */
  #prepareDtls(): void {
    if (this.#dtls !== undefined || this.#remote === undefined) return;
    if (this.#certificate === undefined) return;
    const role = this.#isDtlsClient ? "client" : "server";
    this.#dtls = new DtlsSession(role, this.#certificate, this.#remote.fingerprints, {
      send: (datagram) => this.#ice.send(datagram),
      onConnected: () => this.#onSecured(),
      onData: (payload) => this.#handlers.onDatagram(payload),
      onClosed: (reason) => this.#end(reason === "failed" ? "dtls-failed" : "channel-closed"),
    });
  }

  #onIceState(state: "checking" | "connected" | "failed"): void {
    if (this.#isClosed) return;
    if (state === "failed") {
      this.#end(this.#hasRoute ? "went-dark" : "ice-failed");
      return;
    }
    const isTold = state === "connected" && this.#isRouteTold;
    this.#isRouteTold = state === "connected";
    if (!isTold) this.#handlers.onPhase(state);
    // Whoever hears of a phase may close.
    if (state !== "connected" || this.#isClosed) return;
    if (this.#isSecured) clearTimeout(this.#deadline);
    if (this.#hasRoute) return;
    this.#hasRoute = true;
    this.#failAfter(HANDSHAKE_MS, "dtls-failed");
    this.#dtls?.start();
  }

  #onSecured(): void {
    if (this.#remote === undefined) return;
    // werift looks for the end of its checks every 20 ms; DTLS may be done before it looked.
    this.#onIceState("connected");
    if (this.#isClosed) return;
    clearTimeout(this.#deadline);
    this.#isSecured = true;
    this.#handlers.onPhase("secured");
    if (this.#isClosed) return;
    this.#handlers.onSecured({
      isDtlsClient: this.#isDtlsClient,
      remotePort: this.#remote.sctpPort,
      maxMessageBytes: this.#remote.maxMessageBytes,
      ...packetBytes(this.#ice.datagramBytes, this.#remote.readablePacketBytes),
    });
  }

  #failAfter(ms: number, reason: DirectReason): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end(reason), ms);
  }

  #end(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClosed(reason);
  }
}

/** What is left of datagrams for SCTP, which has packets of whole words. */
function packetBytes(
  { base, most }: { readonly base: number; readonly most: number },
  readableBytes: number,
): { basePacketBytes: number; maxPacketBytes: number } {
  const within = (bytes: number): number => (bytes - RECORD_OVERHEAD_BYTES) & ~3;
  return {
    basePacketBytes: within(base),
    maxPacketBytes: Math.min(within(most), readableBytes & ~3),
  };
}
