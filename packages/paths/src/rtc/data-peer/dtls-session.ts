/**
 * DTLS 1.2 over datagrams: werift makes the handshake, this file everything that protects it.
 *
 * The invariant: nothing of epoch 1 leaves but what {@link DtlsRecords} sealed. werift's Finished,
 * its repetitions and whatever else it may seal are opened with our own key and sealed again under
 * the next of our numbers, so a record number or nonce cannot repeat (werift alone repeats one in
 * every connection). Application data never enters werift.
 *
 * Towards werift: handshake messages come whole, each once and in order (it takes a repeated or
 * overtaking ClientKeyExchange for a new one and derives other keys), nothing unprotected after the
 * handshake (a forged ClientHello would begin a new one), and alerts not at all.
 */

import { timingSafeEqual } from "node:crypto";
import { CipherContext, DtlsClient, DtlsServer, HashAlgorithm, SignatureAlgorithm } from "werift";
import {
  certificateOf,
  fingerprintOf,
  isKeyExchangeSigned,
  isNamed,
  isTranscriptSigned,
  verifyData,
} from "./dtls-proof.ts";
import { CONTENT, type DtlsRecord, DtlsRecords, recordsOf } from "./dtls-records.ts";
import {
  fragmentsOf,
  HANDSHAKE,
  HandshakeAssembly,
  type HandshakeMessage,
  HandshakeTranscript,
} from "./handshake-messages.ts";
import type { Fingerprint } from "./session-description.ts";

export interface DtlsHandlers {
  send(datagram: Buffer): void;
  onConnected(): void;
  /** The payload's memory is the receiver's. */
  onData(payload: Buffer): void;
  /** Once, unless `close` was called: the other side said goodbye, or the handshake cannot succeed. */
  onClosed(reason: "closed" | "failed"): void;
}

export interface DtlsCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint: Fingerprint;
}

/** A fresh one for each peer, so that two conversations cannot be told to be the same machine's. */
export async function createCertificate(): Promise<DtlsCertificate> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(SIGNATURE);
  const der = Buffer.from(certPem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const fingerprint = { algorithm: "sha-256", value: fingerprintOf(der, "sha-256") };
  return { certPem, keyPem, fingerprint };
}

const SIGNATURE = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 };
/**
 * Never used: but werift's own peer connection gives up when no profile for SRTP was agreed on
 * (RFC 5764 section 4.1.2 and RFC 7714 section 14.2: what werift and browsers have).
 */
const SRTP_PROFILES = [1, 7] as const;
/** Level and description of close_notify (RFC 5246 section 7.2.1). */
const CLOSE_NOTIFY = Buffer.from([1, 0]);
const FATAL = 2;
/** Records that overtook the keys or the Finished message before them: a few of a first burst. */
const MAX_EARLY = 16;
/** Past every flight that werift would repeat: its loops end at their next turn. */
const PAST_EVERY_FLIGHT = 99;

export class DtlsSession {
  readonly #role: "client" | "server";
  readonly #fingerprints: readonly Fingerprint[];
  readonly #handlers: DtlsHandlers;
  readonly #socket: DtlsServer | DtlsClient;
  readonly #incoming = new HandshakeAssembly();
  readonly #outgoing = new HandshakeAssembly();
  readonly #transcript = new HandshakeTranscript();
  readonly #early: DtlsRecord[] = [];
  readonly #gate = {
    type: "udp",
    address: { address: "", family: "", port: 0 },
    closed: false,
    onData: (_record: Buffer): void => {},
    // Not always waited for by werift: what this threw would be nobody's.
    send: async (records: Buffer): Promise<void> => {
      this.#guarded(() => this.#sendHandshake(records));
    },
    close: async (): Promise<void> => {},
  };
  #records: DtlsRecords | undefined;
  #plainNumber = 0;
  #isConnected = false;
  #isClosed = false;

  constructor(
    role: "client" | "server",
    certificate: DtlsCertificate,
    remote: readonly Fingerprint[],
    handlers: DtlsHandlers,
  ) {
    this.#role = role;
    this.#fingerprints = remote;
    this.#handlers = handlers;
    const options = {
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: SIGNATURE,
      transport: this.#gate,
      extendedMasterSecret: true,
      srtpProfiles: [...SRTP_PROFILES],
    };
    this.#socket =
      role === "server"
        ? new DtlsServer({ ...options, certificateRequest: true })
        : new DtlsClient(options);
    this.#socket.onConnect.subscribe(() => this.#connected());
    this.#socket.onError.subscribe(() => this.#end("failed"));
  }

  /** The client speaks first; the server waits. */
  start(): void {
    if (this.#socket instanceof DtlsClient && !this.#isClosed) {
      this.#socket.connect().catch(() => this.#end("failed"));
    }
  }

  /** Never throws: a datagram is from outside, and costs this conversation at most. */
  receive(datagram: Buffer): void {
    this.#guarded(() => {
      for (const record of recordsOf(datagram)) {
        if (this.#isClosed) return;
        if (record.epoch === 0) this.#receivePlain(record);
        else this.#receiveSealed(record);
      }
    });
  }

  /** @throws {Error} before `onConnected`. The payload may be reused at once. */
  send(payload: Uint8Array): void {
    if (this.#records === undefined) throw new Error("DTLS is not connected");
    this.#handlers.send(this.#records.seal(CONTENT.data, payload));
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#isConnected && this.#records !== undefined) {
      this.#handlers.send(this.#records.seal(CONTENT.alert, CLOSE_NOTIFY));
    }
    this.#stop();
  }

  get #other(): "client" | "server" {
    return this.#role === "client" ? "server" : "client";
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch {
      this.#end("failed");
    }
  }

  #sendHandshake(datagram: Buffer): void {
    if (this.#isClosed) return;
    for (const record of recordsOf(datagram)) {
      if (record.epoch === 0) {
        if (record.contentType === CONTENT.handshake) this.#noteOwn(record.fragment);
        this.#handlers.send(record.whole);
        continue;
      }
      const records = this.#recordsNow();
      const payload = records?.openOwn(record);
      if (records === undefined || payload === undefined) continue;
      if (record.contentType === CONTENT.handshake) this.#noteOwn(payload);
      this.#handlers.send(records.seal(record.contentType, payload));
    }
    this.#receiveEarly();
  }

  #noteOwn(fragments: Buffer): void {
    for (const message of this.#outgoing.add(fragments)) this.#transcript.add(this.#role, message);
  }

  /** Without protection: only the handshake, and only while it lasts. */
  #receivePlain(record: DtlsRecord): void {
    if (this.#isConnected) return;
    if (record.contentType === CONTENT.alert) {
      if (record.fragment[0] === FATAL) this.#end("failed");
      return;
    }
    if (record.contentType !== CONTENT.handshake) return;
    // It proves the keys, so it comes under them (RFC 5246 section 7.4.9).
    const types = [...fragmentsOf(record.fragment)].map(([type]) => type);
    if (types.includes(HANDSHAKE.finished)) return this.#end("failed");
    for (const message of this.#incoming.add(record.fragment)) {
      this.#hand(message, this.#plainRecord(message.whole));
    }
    this.#receiveEarly();
  }

  #receiveSealed(record: DtlsRecord): void {
    const records = this.#recordsNow();
    const isEarlyData = record.contentType === CONTENT.data && !this.#isConnected;
    if (records === undefined || isEarlyData) {
      if (this.#early.length < MAX_EARLY) this.#early.push(copyOf(record));
      return;
    }
    const payload = records.open(record);
    if (payload === undefined) return;
    if (record.contentType === CONTENT.data) this.#handlers.onData(payload);
    if (record.contentType === CONTENT.alert) this.#receiveAlert(payload);
    if (record.contentType === CONTENT.handshake) this.#receiveFinished(payload, record.whole);
  }

  /** The only message of a handshake that is sealed. */
  #receiveFinished(payload: Buffer, record: Buffer): void {
    const messages = this.#incoming.add(payload);
    if (!this.#isConnected) {
      for (const message of messages) this.#hand(message, record);
      return;
    }
    // What follows a handshake is no part of it, and is kept nowhere. Only: our own Finished was lost
    // if the client repeats its, and werift sends it again (RFC 6347 section 4.2.4).
    const isRepeated = messages.length === 0 && this.#role === "server";
    if (isRepeated && payload[0] === HANDSHAKE.finished) this.#gate.onData(record);
  }

  #receiveAlert(payload: Buffer): void {
    const [level, description] = payload;
    if (level !== FATAL && description !== CLOSE_NOTIFY[1]) return;
    this.#end(this.#isConnected ? "closed" : "failed");
  }

  #receiveEarly(): void {
    if (this.#recordsNow() === undefined) return;
    for (const record of this.#early.splice(0)) {
      if (!this.#isClosed) this.#receiveSealed(record);
    }
  }

  /** To werift, if it proves what it must. */
  #hand(message: HandshakeMessage, record: Buffer): void {
    if (this.#isClosed) return;
    this.#transcript.add(this.#other, message);
    if (!this.#isProven(message)) {
      this.#end("failed");
      return;
    }
    this.#gate.onData(record);
  }

  #isProven(message: HandshakeMessage): boolean {
    const transcript = this.#transcript;
    switch (message.type) {
      case HANDSHAKE.certificate: {
        const certificate = certificateOf(message);
        return certificate !== undefined && isNamed(certificate, this.#fingerprints);
      }
      case HANDSHAKE.serverKeyExchange:
        return isKeyExchangeSigned(transcript);
      case HANDSHAKE.certificateVerify:
        return isTranscriptSigned(transcript);
      case HANDSHAKE.finished:
        return this.#isFinishedProven(message);
      default:
        return true;
    }
  }

  #isFinishedProven({ body }: HandshakeMessage): boolean {
    // werift's type promises what is not there before the keys are agreed on.
    const secret: Buffer | undefined = this.#socket.cipher.masterSecret;
    if (secret === undefined) return false;
    const signature =
      this.#other === "client" ? HANDSHAKE.certificateVerify : HANDSHAKE.serverKeyExchange;
    if (this.#transcript.find(this.#other, signature) === undefined) return false;
    const expected = verifyData(this.#transcript, this.#other, secret);
    return body.length === expected.length && timingSafeEqual(body, expected);
  }

  /** werift has the keys once it knows the other side's half of the exchange. */
  #recordsNow(): DtlsRecords | undefined {
    const { cipher } = this.#socket.cipher;
    if (this.#records !== undefined || cipher === undefined) return this.#records;
    const { clientWriteKey, serverWriteKey, clientNonce, serverNonce } = cipher;
    if (!clientWriteKey || !serverWriteKey || !clientNonce || !serverNonce) return undefined;
    const client = { key: Buffer.from(clientWriteKey), salt: saltOf(clientNonce) };
    const server = { key: Buffer.from(serverWriteKey), salt: saltOf(serverNonce) };
    const [own, other] = this.#role === "client" ? [client, server] : [server, client];
    this.#records = new DtlsRecords({
      writeKey: own.key,
      readKey: other.key,
      writeSalt: own.salt,
      readSalt: other.salt,
    });
    return this.#records;
  }

  #plainRecord(message: Buffer): Buffer {
    const record = Buffer.alloc(13 + message.length);
    record[0] = CONTENT.handshake;
    record.writeUInt16BE(0xfefd, 1);
    record.writeUIntBE(this.#plainNumber, 5, 6);
    record.writeUInt16BE(message.length, 11);
    record.set(message, 13);
    this.#plainNumber += 1;
    return record;
  }

  #connected(): void {
    if (this.#isConnected || this.#isClosed) return;
    this.#isConnected = true;
    this.#handlers.onConnected();
    this.#receiveEarly();
  }

  #end(reason: "closed" | "failed"): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#handlers.onClosed(reason);
  }

  #stop(): void {
    this.#isClosed = true;
    this.#early.length = 0;
    this.#socket.dtls.flight = PAST_EVERY_FLIGHT;
  }
}

/** The first four bytes; werift writes the rest over with each record. */
function saltOf(nonce: Buffer): Buffer {
  return Buffer.from(nonce.subarray(0, 4));
}

function copyOf(record: DtlsRecord): DtlsRecord {
  const whole = Buffer.from(record.whole);
  return { ...record, whole, fragment: whole.subarray(whole.length - record.fragment.length) };
}
