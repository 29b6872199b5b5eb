/**
 * What the SCTP machine itself costs: two associations back to back in memory, no network, no DTLS, no
 * event loop. Says bytes per second of processor time and nanoseconds per packet, both ends together.
 *
 *     npx tsx --conditions=@beeline/source bench/sctp-machine.ts [megabytes] [message KiB] [crc]
 */
import { createAssociation, createBbr, type SctpAssociation } from "@beeline/sctp";

const MEGABYTES = Number(process.argv[2] ?? 200);
const MESSAGE_BYTES = Number(process.argv[3] ?? 16) * 1024;
const WITH_CRC = process.argv[4] === "crc";
/** Held in the sender at a time, as an application with back-pressure would. */
const BUFFERED_BYTES = 1_048_576;
/** One way; the clock is virtual. */
const DELAY_MS = 1;

interface Flying {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** A delay line whose packets are copied once, as a socket would. */
class Line {
  readonly #packets: Flying[] = [];
  #head = 0;

  get nextAtMs(): number {
    return this.#packets[this.#head]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  push(packet: Uint8Array, nowMs: number): void {
    this.#packets.push({ atMs: nowMs + DELAY_MS, bytes: packet.slice() });
  }

  deliver(to: SctpAssociation, nowMs: number): void {
    for (;;) {
      const packet = this.#packets[this.#head];
      if (packet === undefined || packet.atMs > nowMs) break;
      this.#head += 1;
      to.receive(packet.bytes, nowMs);
    }
    if (this.#head < 4096) return;
    this.#packets.splice(0, this.#head);
    this.#head = 0;
  }
}

function createEnd(): SctpAssociation {
  return createAssociation({
    localPort: 5000,
    remotePort: 5000,
    random: Math.random,
    maxMessageBytes: 262_144,
    maxReceivedMessageBytes: 262_144,
    receiveWindowBytes: 8_388_608,
    acceptsZeroChecksum: !WITH_CRC,
    offersInterleaving: true,
    createCongestionControl: createBbr,
    basePacketBytes: 1172,
    maxPacketBytes: 1172,
  });
}

function measure(totalBytes: number): { seconds: number; packets: number } {
  const a = createEnd();
  const b = createEnd();
  const forth = new Line();
  const back = new Line();
  const payload = new Uint8Array(MESSAGE_BYTES).fill(7);
  let nowMs = 0;
  let packets = 0;
  let sent = 0;
  let got = 0;
  const flush = (from: SctpAssociation, line: Line) => {
    for (;;) {
      const packet = from.nextPacket(nowMs);
      if (packet === undefined) return;
      packets += 1;
      line.push(packet, nowMs);
    }
  };
  const hear = (end: SctpAssociation) => {
    for (;;) {
      const event = end.nextEvent();
      if (event === undefined) return;
      if (event.kind === "message") got += event.message.payload.byteLength;
      if (event.kind === "closed") throw new Error(`it closed: ${event.reason}`);
    }
  };
  a.connect(0);
  const start = process.cpuUsage();
  while (got < totalBytes) {
    while (a.state === "connected" && sent < totalBytes && a.bufferedBytes(0) < BUFFERED_BYTES) {
      a.send(payload, { streamId: 0, protocolId: 53 }, nowMs);
      sent += payload.byteLength;
    }
    flush(a, forth);
    flush(b, back);
    hear(a);
    hear(b);
    flush(b, back);
    const wakeAtMs = Math.min(a.wakeAtMs, b.wakeAtMs, forth.nextAtMs, back.nextAtMs);
    nowMs = Math.max(nowMs, wakeAtMs);
    forth.deliver(b, nowMs);
    back.deliver(a, nowMs);
  }
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6, packets };
}

// Once to warm up.
measure(20e6);
const { seconds, packets } = measure(MEGABYTES * 1e6);
console.log(
  `${MEGABYTES} MB in messages of ${MESSAGE_BYTES / 1024} KiB, checksum ${WITH_CRC ? "CRC32c" : "zero"}: ` +
    `${(MEGABYTES / 1.048576 / seconds).toFixed(0)} MiB per second of processor time, ` +
    `${((seconds / packets) * 1e9).toFixed(0)} ns per packet (${packets} packets, both ends)`,
);
