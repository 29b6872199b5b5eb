/** The door of the package. */

export { createAssociation } from "./association/association.ts";
export type {
  AssociationEvent,
  AssociationOptions,
  ReceivedMessage,
  SctpAssociation,
  SendOptions,
} from "./association/association-api.ts";
export type { ChannelEvent, ChannelOptions, DataChannel } from "./channels/data-channel-api.ts";
export { DataChannels, type DataChannelsOptions } from "./channels/data-channels.ts";
export { decodeUtf8, encodeUtf8 } from "./channels/utf8.ts";
export { createBbr } from "./congestion/bbr.ts";
export type {
  Ack,
  CongestionControl,
  CreateCongestionControl,
  RateSample,
  SentPacket,
} from "./congestion/congestion-control.ts";
export { createCubic } from "./congestion/cubic.ts";
export { Pacer } from "./congestion/pacer.ts";
export { RateSampler, type SendStamp } from "./congestion/rate-sampler.ts";
export { SctpError, type SctpErrorCode } from "./sctp-error.ts";
export type * from "./wire/chunk.ts";
export { crc32c } from "./wire/crc32c.ts";
export { type DropReason, type PacketReading, readPacket } from "./wire/packet-reader.ts";
export { type DataFields, dataChunkBytes, PacketWriter } from "./wire/packet-writer.ts";
