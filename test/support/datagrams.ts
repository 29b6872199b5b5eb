/**
 * What this process sends over UDP, written down as it leaves; werift's traffic is in it, that of
 * native WebRTC and of other processes is not. Sees datagrams, not what becomes of them.
 */
import dgram from "node:dgram";
import { onTestFinished, vi } from "vitest";

export interface Datagram {
  readonly bytes: Buffer;
  readonly port: number;
  readonly address: string;
}

/** From now until the test ends. */
export function recordDatagrams(): readonly Datagram[] {
  const sent: Datagram[] = [];
  const send = dgram.Socket.prototype.send;
  const spy = vi.spyOn(dgram.Socket.prototype, "send");
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(function (this: dgram.Socket, ...values: unknown[]) {
    const [bytes, port, address] = values;
    sent.push({ bytes: Buffer.from(bytes as Buffer), port: Number(port), address: `${address}` });
    Reflect.apply(send, this, values);
  });
  return sent;
}

export interface DtlsRecord {
  readonly contentType: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Explicit nonce, ciphertext and tag, as hex. */
  readonly sealed: string;
}

/** Content types of RFC 5246 §6.2.1. */
export const DTLS_CONTENT = { handshake: 22, applicationData: 23 } as const;
const DTLS_HEADER_BYTES = 13;
/** RFC 7983 §7: a first byte in this range is DTLS, others on the same socket are STUN or media. */
const DTLS_FIRST_BYTE = { least: 20, most: 63 } as const;

/** The record headers (RFC 6347 §4.1) in the datagrams that are DTLS. */
export function dtlsRecords(datagrams: readonly Datagram[]): DtlsRecord[] {
  const records: DtlsRecord[] = [];
  for (const { bytes } of datagrams) {
    const first = bytes[0] ?? 0;
    if (first < DTLS_FIRST_BYTE.least || first > DTLS_FIRST_BYTE.most) continue;
    let at = 0;
    while (at + DTLS_HEADER_BYTES <= bytes.length) {
      records.push({
        contentType: bytes.readUInt8(at),
        epoch: bytes.readUInt16BE(at + 3),
        sequence: bytes.readUIntBE(at + 5, 6),
        sealed: bytes
          .subarray(at + DTLS_HEADER_BYTES, at + DTLS_HEADER_BYTES + bytes.readUInt16BE(at + 11))
          .toString("hex"),
      });
      at += DTLS_HEADER_BYTES + bytes.readUInt16BE(at + 11);
    }
  }
  return records;
}
