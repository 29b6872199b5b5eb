/** The door of the package. */

export type {
  AssociationEvent,
  AssociationOptions,
  ReceivedMessage,
  SctpAssociation,
  SendOptions,
} from "./association/association-api.ts";
export type {
  Ack,
  CongestionControl,
  CreateCongestionControl,
  RateSample,
  SentPacket,
} from "./congestion/congestion-control.ts";
export { SctpError, type SctpErrorCode } from "./sctp-error.ts";
