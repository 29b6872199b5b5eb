/**
 * The data peer as an RTC engine: one reliable channel, opened by the offerer. It is unordered, because
 * the session puts pieces where they belong anyway, and a command need not wait for the repair of a
 * picture's lost packet.
 */

import type { DirectReason } from "@beeline/protocol";
import { type ChannelEvent, type DataChannel, SctpError } from "@beeline/sctp";
import {
  assertSendable,
  CHANNEL_BUFFER_BYTES,
  type CreateRtcPeer,
  eachOnce,
  noChannel,
  type RtcHandlers,
  type RtcOptions,
  type RtcPeer,
  type RtcSignal,
} from "../rtc-peer.ts";
import { DataPeer } from "./data-peer.ts";

/** For the extension: it offers, and opens the channel. */
export const createDataPeer: CreateRtcPeer = (options, handlers) =>
  new OwnPeer(options, handlers, true);

/** For a client in Node: it answers, and takes the first channel. */
export const createAnsweringDataPeer: CreateRtcPeer = (options, handlers) =>
  new OwnPeer(options, handlers, false);

class OwnPeer implements RtcPeer {
  readonly isSelfPaced = true;
  readonly #peer: DataPeer;
  readonly #handlers: RtcHandlers;
  #channel: DataChannel | undefined;
  #isClosed = false;

  constructor({ iceServers }: RtcOptions, handlers: RtcHandlers, isOfferer: boolean) {
    this.#handlers = handlers;
    const onPhase = eachOnce(handlers.onPhase);
    this.#peer = new DataPeer(
      { isOfferer, iceServers },
      {
        onSignal: (signal) => handlers.onSignal(signal),
        onPhase: (phase) => onPhase(phase),
        onChannel: (event) => this.#onChannel(event),
        onClosed: (reason) => this.#closeWith(reason),
      },
    );
    if (isOfferer) this.#peer.openChannel({ label: "beeline", isOrdered: false });
  }

  get bufferedBytes(): number {
    return this.#channel?.bufferedBytes ?? 0;
  }

  accept(signal: RtcSignal): void {
    if (!this.#isClosed) this.#peer.accept(signal);
  }

  send(message: Uint8Array): void {
    assertSendable(message);
    if (this.#channel?.state !== "open" || this.#isClosed) throw noChannel();
    try {
      this.#peer.send(this.#channel, message);
    } catch (thrown) {
      if (!(thrown instanceof SctpError)) throw thrown;
      // Its end arrived in this turn and is told in the next, after what came before it; or the other
      // side takes less than every channel of ours must.
      setImmediate(() => this.#closeWith("channel-closed"));
      throw noChannel();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peer.close();
  }

  #onChannel(event: Exclude<ChannelEvent, { kind: "ended" }>): void {
    if (event.kind === "open" || event.kind === "channel") {
      this.#takeChannel(event.channel);
      return;
    }
    if (event.channel !== this.#channel) return;
    if (event.kind === "message" && !event.isText) this.#handlers.onMessage(event.payload);
    if (event.kind === "buffered-low") this.#handlers.onWritable();
    if (event.kind === "closing" || event.kind === "closed") this.#closeWith("channel-closed");
  }

  /** The first; one that the other side opens besides has no meaning between us. */
  #takeChannel(channel: DataChannel): void {
    if (this.#channel !== undefined) {
      this.#peer.closeChannel(channel);
      return;
    }
    this.#channel = channel;
    channel.setBufferedLowThreshold(CHANNEL_BUFFER_BYTES / 2);
    this.#handlers.onOpen();
  }

  #closeWith(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClose(reason);
  }
}
