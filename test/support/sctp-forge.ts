/** Packets that an association of ours would not send, and what it answers. */
import {
  type Chunk,
  crc32c,
  type InitChunk,
  type PacketHeader,
  PacketWriter,
  readPacket,
} from "@beeline/sctp";
import type { SctpEnd, SctpWorld } from "./sctp-world.ts";

const MOST_BYTES = 65_532;

/** One packet of these chunks, with its checksum. */
export function forge(tag: number, ...chunks: readonly Chunk[]): Uint8Array {
  const writer = new PacketWriter(MOST_BYTES);
  writer.begin({ sourcePort: 5000, destinationPort: 5000, tag }, MOST_BYTES);
  for (const chunk of chunks) {
    if (!writer.append(chunk)) throw new Error(`no room for ${chunk.type}`);
  }
  return writer.finish({ zeroChecksum: false }).slice();
}

export interface Heard {
  readonly header: PacketHeader;
  readonly chunks: readonly Chunk[];
}

export function read(packet: Uint8Array): Heard {
  const reading = readPacket(packet, { acceptsZeroChecksum: true });
  if (reading.kind === "dropped") throw new Error(`it sent what is no packet: ${reading.reason}`);
  return reading;
}

/** A beginning as any side could make it. */
export function initChunk(tag: number): InitChunk {
  return {
    type: "init",
    tag,
    receiveWindowBytes: 100_000,
    outboundStreams: 10,
    inboundStreams: 10,
    initialTsn: 1,
    cookie: undefined,
    extensions: [],
    forwardTsn: false,
    zeroChecksumMethod: undefined,
    unrecognized: [],
  };
}

/** Everything that an end sends from now on; it goes on its way as well unless `keeps` says no. */
export function overhear(end: SctpEnd, passesOn = true): Heard[] {
  const heard: Heard[] = [];
  const { out } = end;
  end.out = (packet) => {
    heard.push(read(packet.slice()));
    if (passesOn) out(packet);
  };
  return heard;
}

/** The tag that packets to an end must have: learnt as an eavesdropper would. */
export function tagsOf(world: SctpWorld): { readonly ofA: number; readonly ofB: number } {
  const toB = overhear(world.a);
  const toA = overhear(world.b);
  world.connect();
  const tagOf = (heard: readonly Heard[]) =>
    heard.find(({ header }) => header.tag !== 0)?.header.tag ?? 0;
  return { ofA: tagOf(toA), ofB: tagOf(toB) };
}

/** The packet with a checksum that is right, whatever was done to it. */
export function withChecksum(packet: Uint8Array): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  view.setUint32(8, 0);
  view.setUint32(8, crc32c(packet), true);
  return packet;
}
