/**
 * Plain SCTP packets as a capture file, and what tshark says of it: Wireshark's dissector knows
 * RFC 9260 from other people's readings of it.
 *
 * The format is that of libpcap, link type 248: SCTP packets with nothing around them.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { programOf } from "./services.ts";

const MAGIC = 0xa1b2c3d4;
const LINK_TYPE_SCTP = 248;
const SNAP_BYTES = 65_535;

export class SctpCapture {
  readonly #parts: Buffer[] = [fileHeader()];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param bytes are copied. */
  add(bytes: Uint8Array, nowMs: number): void {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(Math.floor(nowMs / 1_000), 0);
    header.writeUInt32LE(Math.floor((nowMs % 1_000) * 1_000), 4);
    header.writeUInt32LE(bytes.length, 8);
    header.writeUInt32LE(bytes.length, 12);
    this.#parts.push(header, Buffer.from(bytes));
    this.#count += 1;
  }

  /** The packet of this place again, with one bit turned over. */
  addDamaged(place: number): void {
    const packet = Buffer.from(this.#parts[2 + 2 * place] as Buffer);
    packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1;
    this.add(packet, 0);
  }

  writeTo(path: string): void {
    writeFileSync(path, Buffer.concat(this.#parts));
  }
}

export interface Reading {
  readonly packets: number;
  /** `number: what is wrong with it`: Wireshark's errors and warnings. */
  readonly complaints: readonly string[];
}

/** PI_WARN; errors are above, notes and remarks below. */
const LEAST_SEVERITY = 0x0060_0000;

/** With every checksum checked. Installs tshark if it must. */
export function readWithTshark(path: string): Reading {
  const fields = ["frame.number", "_ws.expert.severity", "_ws.expert.message"];
  const lines = tshark([
    ...["-r", path, "-o", "sctp.checksum:CRC 32c", "-T", "fields", "-E", "separator=|"],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  const complaints = lines.flatMap((line) => {
    const [number, severities = "", messages = ""] = line.split("|");
    const isSevere = severities.split(",").some((severity) => Number(severity) >= LEAST_SEVERITY);
    return isSevere ? [`${number}: ${messages}`] : [];
  });
  return { packets: lines.length, complaints };
}

function tshark(args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(programOf("tshark"), args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`tshark ${args.join(" ")} failed\n${stderr}`);
  return stdout.split("\n").filter((line) => line !== "");
}

function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_BYTES, 16);
  header.writeUInt32LE(LINK_TYPE_SCTP, 20);
  return header;
}
