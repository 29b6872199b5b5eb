/**
 * All data channels of an association: opens, announces, accepts and closes them (RFC 8831 section 6,
 * RFC 8832) and turns the association's events into theirs.
 */

import type {
  AssociationEvent,
  ReceivedMessage,
  SctpAssociation,
} from "../association/association-api.ts";
import { SctpError } from "../sctp-error.ts";
import { Fifo } from "../send/fifo.ts";
import { Channel, type ChannelParts } from "./channel.ts";
import type { ChannelEvent, ChannelOptions, DataChannel } from "./data-channel-api.ts";
import { decodeDcep, MAX_NAME_BYTES, type OpenMessage, PROTOCOL_ID } from "./dcep.ts";
import { PostponedMessages } from "./postponed-messages.ts";
import { encodeUtf8 } from "./utf8.ts";

export interface DataChannelsOptions {
  /** This side is the DTLS client: it gives even ids, the server odd ones (RFC 8832 section 6). */
  readonly isDtlsClient: boolean;
  /** Open and closing ones, of both sides together. */
  readonly maxChannels: number;
}

/** RFC 8832 section 6: 65535 is no id, as there are 65535 streams at most. */
const HIGHEST_ID = 65_534;

/** RFC 8831 section 6.4; and what channels get whose announcement says 0, as many libraries' do. */
const NORMAL_PRIORITY = 256;

/** Labels and protocols of all channels that the other side opened: it chooses how long they are. */
const MAX_REMOTE_NAME_BYTES = 1 << 20;

export class DataChannels {
  readonly #association: SctpAssociation;
  readonly #options: DataChannelsOptions;
  readonly #channels = new Map<number, Channel>();
  readonly #events = new Fifo<ChannelEvent>();
  /** Streams whose reset did not work: their ids are not used again. */
  readonly #burnt = new Set<number>();
  /** Streams of no channel that we reset, until that is done: one reset answers many messages. */
  readonly #refused = new Set<number>();
  readonly #postponed = new PostponedMessages();
  #remoteNameBytes = 0;
  #isOver = false;

  /** @param association takes no other's streams, and nobody else takes its events. */
  constructor(association: SctpAssociation, options: DataChannelsOptions) {
    this.#association = association;
    this.#options = options;
  }

  /**
   * Opens a channel: at once if the association is connected, else when it is.
   * @throws {SctpError} `label-too-long`, `too-many-channels`, `id-in-use`, `no-such-stream`, and
   * `not-connected` when the association is over.
   */
  open(options: ChannelOptions, nowMs: number): DataChannel {
    const { label, protocol = "", maxRetransmissions, negotiatedId } = options;
    if (this.#isOver) {
      throw new SctpError("not-connected", "The association is over: open channels in another.");
    }
    checkName("label", label);
    checkName("protocol", protocol);
    const channel = this.#create({
      id: negotiatedId === undefined ? this.#freeId() : this.#checkedId(negotiatedId),
      label,
      protocol,
      remoteNameBytes: 0,
      isOrdered: options.isOrdered ?? true,
      maxRetransmissions,
      lifetimeMs: maxRetransmissions === undefined ? options.lifetimeMs : undefined,
      priority: options.priority ?? NORMAL_PRIORITY,
      isNegotiated: negotiatedId !== undefined,
      isAnnouncedByUs: negotiatedId === undefined,
    });
    if (this.#association.state === "connected") this.#begin(channel, nowMs);
    this.#channels.set(channel.id, channel);
    return channel;
  }

  /** What happened. Take events until there are none after every turn of the association. */
  nextEvent(nowMs: number): ChannelEvent | undefined {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      const below = this.#association.nextEvent();
      if (below === undefined) return undefined;
      this.#onEvent(below, nowMs);
    }
  }

  #onEvent(event: AssociationEvent, nowMs: number): void {
    switch (event.kind) {
      case "connected":
        return this.#onConnected(nowMs);
      case "message":
        return this.#onMessage(event.message, nowMs);
      case "buffered-low":
        return this.#onBufferedLow(event.streamId);
      case "incoming-reset":
        return this.#onIncomingReset(event.streams, nowMs);
      case "outgoing-reset":
        return this.#onOutgoingReset(event.streams, event.isDone, nowMs);
      case "restarted":
        return this.#closeAll();
      case "closed":
        this.#isOver = true;
        this.#closeAll();
        this.#events.push({ kind: "ended", reason: event.reason });
    }
  }

  #onConnected(nowMs: number): void {
    for (const channel of [...this.#channels.values()]) {
      if (channel.state !== "connecting") continue;
      try {
        this.#begin(channel, nowMs);
      } catch (thrown) {
        // The other side takes fewer streams than this id asks for.
        if (!(thrown instanceof SctpError)) throw thrown;
        this.#finish(channel);
      }
    }
  }

  #begin(channel: Channel, nowMs: number): void {
    channel.begin(nowMs);
    this.#events.push({ kind: "open", channel });
  }

  #onMessage(message: ReceivedMessage, nowMs: number): void {
    const channel = this.#channels.get(message.streamId);
    if (this.#isOfNextChannel(channel, message)) {
      if (!this.#postponed.add(message)) this.#burnt.add(message.streamId);
      return;
    }
    if (message.protocolId === PROTOCOL_ID.dcep) this.#onDcep(channel, message, nowMs);
    else if (channel === undefined) this.#refuse(message.streamId, nowMs);
    else this.#onData(channel, message, nowMs);
  }

  /** The other side knows that our half was reset, as it uses the id again; the word is on the way. */
  #isOfNextChannel(channel: Channel | undefined, message: ReceivedMessage): boolean {
    if (channel?.isIncomingReset) return true;
    if (!this.#refused.has(message.streamId)) return false;
    const isOpening =
      message.protocolId === PROTOCOL_ID.dcep && decodeDcep(message.payload)?.kind === "open";
    return isOpening || this.#postponed.has(message.streamId);
  }

  #onData(channel: Channel, { protocolId, payload }: ReceivedMessage, nowMs: number): void {
    channel.onArrival();
    // What was on the way when this side closed is nobody's any more.
    if (channel.state !== "open") return;
    switch (protocolId) {
      case PROTOCOL_ID.text:
      case PROTOCOL_ID.binary:
        this.#events.push({
          kind: "message",
          channel,
          payload,
          isText: protocolId === PROTOCOL_ID.text,
        });
        return;
      case PROTOCOL_ID.emptyText:
      case PROTOCOL_ID.emptyBinary:
        this.#events.push({
          kind: "message",
          channel,
          payload: new Uint8Array(0),
          isText: protocolId === PROTOCOL_ID.emptyText,
        });
        return;
      default:
        // RFC 8831 section 6.6: an unsupported protocol closes the channel.
        channel.close(nowMs);
    }
  }

  #onDcep(channel: Channel | undefined, message: ReceivedMessage, nowMs: number): void {
    const dcep = decodeDcep(message.payload);
    if (dcep?.kind === "open" && channel === undefined) {
      this.#accept(message.streamId, dcep, nowMs);
    } else if (channel === undefined) {
      this.#refuse(message.streamId, nowMs);
    } else if (dcep?.kind === "ack") {
      channel.onArrival();
    } else {
      // RFC 8832 section 6: a stream that is used already, or a message that says nothing.
      channel.close(nowMs);
    }
  }

  #accept(streamId: number, message: OpenMessage, nowMs: number): void {
    const hasRoom =
      this.#channels.size < this.#options.maxChannels &&
      this.#remoteNameBytes + message.nameBytes <= MAX_REMOTE_NAME_BYTES;
    if (!hasRoom || this.#burnt.has(streamId)) {
      this.#refuse(streamId, nowMs);
      return;
    }
    const channel = this.#create({
      ...message,
      id: streamId,
      remoteNameBytes: message.nameBytes,
      priority: message.priority === 0 ? NORMAL_PRIORITY : message.priority,
      isNegotiated: false,
      isAnnouncedByUs: false,
    });
    try {
      channel.begin(nowMs);
    } catch (thrown) {
      // We cannot answer: it is shutting down, or takes fewer streams than it opens.
      if (!(thrown instanceof SctpError)) throw thrown;
      return;
    }
    this.#remoteNameBytes += message.nameBytes;
    this.#channels.set(streamId, channel);
    this.#events.push({ kind: "channel", channel });
  }

  /** A message of no channel: resetting our half asks the other side to close (RFC 8831 section 6.6). */
  #refuse(streamId: number, nowMs: number): void {
    if (this.#refused.has(streamId)) return;
    this.#refused.add(streamId);
    this.#association.resetStreams([streamId], nowMs);
  }

  #onBufferedLow(streamId: number): void {
    const channel = this.#channels.get(streamId);
    if (channel?.state !== "open" || !channel.takeBufferedLow()) return;
    this.#events.push({ kind: "buffered-low", channel });
  }

  /** RFC 8831 section 6.7: the other side closes; the association resets our half by itself. */
  #onIncomingReset(streams: readonly number[], nowMs: number): void {
    for (const streamId of streams.length > 0 ? streams : [...this.#channels.keys()]) {
      const channel = this.#channels.get(streamId);
      if (channel === undefined) continue;
      channel.isIncomingReset = true;
      if (streams.length === 0) this.#startClosing(channel, nowMs);
      else this.#tellClosing(channel);
      this.#finishIfReset(channel, nowMs);
    }
  }

  #onOutgoingReset(streams: readonly number[], isDone: boolean, nowMs: number): void {
    for (const streamId of streams) {
      this.#refused.delete(streamId);
      if (!isDone) this.#burnt.add(streamId);
      const channel = this.#channels.get(streamId);
      if (channel === undefined) {
        this.#resumePostponed(streamId, nowMs);
        continue;
      }
      channel.isOutgoingReset = true;
      // Where resets don't work the other half cannot follow either.
      if (!isDone) channel.isIncomingReset = true;
      this.#tellClosing(channel);
      this.#finishIfReset(channel, nowMs);
    }
  }

  #startClosing(channel: Channel, nowMs: number): void {
    if (channel.state === "connecting") {
      this.#finish(channel);
      return;
    }
    this.#tellClosing(channel);
    this.#association.resetStreams([channel.id], nowMs);
  }

  #tellClosing(channel: Channel): void {
    if (channel.state !== "open") return;
    channel.state = "closing";
    this.#events.push({ kind: "closing", channel });
  }

  #finishIfReset(channel: Channel, nowMs: number): void {
    if (!channel.isIncomingReset || !channel.isOutgoingReset) return;
    this.#finish(channel);
    this.#resumePostponed(channel.id, nowMs);
  }

  #resumePostponed(streamId: number, nowMs: number): void {
    for (const message of this.#postponed.take(streamId)) this.#onMessage(message, nowMs);
  }

  #finish(channel: Channel): void {
    if (channel.state === "closed") return;
    channel.state = "closed";
    this.#channels.delete(channel.id);
    this.#remoteNameBytes -= channel.remoteNameBytes;
    this.#events.push({ kind: "closed", channel });
  }

  #create(parts: Omit<ChannelParts, "association" | "onClosing">): Channel {
    const association = this.#association;
    const onClosing = (channel: Channel, nowMs: number) => this.#startClosing(channel, nowMs);
    return new Channel({ ...parts, association, onClosing });
  }

  /** The lowest one of this side's parity: RFC 8832 section 6. */
  #freeId(): number {
    let id = this.#options.isDtlsClient ? 0 : 1;
    while (this.#isInUse(id)) id += 2;
    return this.#checkedId(id);
  }

  #checkedId(id: number): number {
    if (this.#channels.size >= this.#options.maxChannels) {
      throw new SctpError(
        "too-many-channels",
        `${this.#channels.size} channels are open: close one and wait for its "closed".`,
      );
    }
    if (!Number.isInteger(id) || id < 0 || id > HIGHEST_ID) {
      throw new SctpError("no-such-stream", `${id} is no id: give one from 0 to ${HIGHEST_ID}.`);
    }
    if (this.#isInUse(id)) {
      throw new SctpError("id-in-use", `Channel ${id} is there: wait for its "closed".`);
    }
    return id;
  }

  #isInUse(id: number): boolean {
    return this.#channels.has(id) || this.#burnt.has(id) || this.#refused.has(id);
  }

  #closeAll(): void {
    for (const channel of [...this.#channels.values()]) this.#finish(channel);
    this.#burnt.clear();
    this.#refused.clear();
    this.#postponed.clear();
  }
}

function checkName(what: string, name: string): void {
  const bytes = encodeUtf8(name).byteLength;
  if (bytes > MAX_NAME_BYTES) {
    throw new SctpError(
      "label-too-long",
      `The ${what} has ${bytes} bytes of UTF-8; at most ${MAX_NAME_BYTES} are possible.`,
    );
  }
}
