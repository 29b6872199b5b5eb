/**
 * An RTC engine without WebRTC: two ends in one process that find each other by what they signal.
 * For tests and examples of everything above the port; held to the same contract as the real ones.
 */

import type { DirectReason } from "@beeline/protocol";
import {
  assertSendable,
  CHANNEL_BUFFER_BYTES,
  type CreateRtcPeer,
  eachOnce,
  noChannel,
  type RtcHandlers,
  type RtcPeer,
  type RtcSignal,
} from "./rtc-peer.ts";

export interface MemoryRtc {
  readonly createOfferer: CreateRtcPeer;
  readonly createAnswerer: CreateRtcPeer;
  /** From now on nothing gets through, in silence, as when a cable is pulled. */
  cut(): void;
  /** What was sent meanwhile arrives now, as SCTP would send it again. */
  restore(): void;
  /** Every new attempt fails like this; undefined: attempts succeed again. */
  refuse(reason: DirectReason | undefined): void;
}

interface Network {
  isCut: boolean;
  refusal: DirectReason | undefined;
  /** By the name in their offer. */
  readonly offerers: Map<string, MemoryPeer>;
  readonly peers: Set<MemoryPeer>;
}

export function createMemoryRtc(): MemoryRtc {
  const network: Network = {
    isCut: false,
    refusal: undefined,
    offerers: new Map(),
    peers: new Set(),
  };
  let count = 0;
  return {
    createOfferer: (_options, handlers) => {
      count += 1;
      const name = `memory-${count}`;
      const peer = new MemoryPeer(network, handlers);
      network.offerers.set(name, peer);
      queueMicrotask(() => peer.announce({ kind: "offer", sdp: name }));
      return peer;
    },
    createAnswerer: (_options, handlers) => new MemoryPeer(network, handlers),
    cut: () => {
      network.isCut = true;
    },
    restore: () => {
      network.isCut = false;
      for (const peer of network.peers) peer.deliverSoon();
    },
    refuse: (reason) => {
      network.refusal = reason;
    },
  };
}

class MemoryPeer implements RtcPeer {
  readonly #network: Network;
  readonly #handlers: RtcHandlers;
  readonly #onPhase: RtcHandlers["onPhase"];
  /** Sent and not yet delivered. */
  readonly #outgoing: Uint8Array[] = [];
  #bufferedBytes = 0;
  #other: MemoryPeer | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(network: Network, handlers: RtcHandlers) {
    this.#network = network;
    this.#handlers = handlers;
    this.#onPhase = eachOnce(handlers.onPhase);
    network.peers.add(this);
  }

  readonly isSelfPaced = false;

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  announce(signal: RtcSignal): void {
    if (!this.#isClosed) this.#handlers.onSignal(signal);
  }

  accept(signal: RtcSignal): void {
    if (this.#isClosed || signal.kind === "candidate") return;
    this.#onPhase("signaled");
    const offerer = this.#network.offerers.get(signal.sdp);
    const refusal = this.#network.refusal ?? (offerer === undefined ? "ice-failed" : undefined);
    if (refusal !== undefined) {
      queueMicrotask(() => {
        for (const end of [this, offerer]) end?.closeWith(refusal);
      });
    } else if (signal.kind === "offer") {
      this.#other = offerer;
      if (offerer !== undefined) offerer.#other = this;
      this.announce({ kind: "answer", sdp: signal.sdp });
    } else {
      for (const end of [this, this.#other]) end?.open();
    }
  }

  send(message: Uint8Array): void {
    assertSendable(message);
    if (!this.#isOpen) throw noChannel();
    this.#outgoing.push(message.slice());
    this.#bufferedBytes += message.byteLength;
    this.deliverSoon();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#network.peers.delete(this);
    const other = this.#other;
    setImmediate(() => {
      if (!this.#network.isCut) other?.closeWith("channel-closed");
    });
  }

  open(): void {
    queueMicrotask(() => {
      if (this.#isClosed || this.#isOpen) return;
      this.#isOpen = true;
      for (const phase of ["checking", "connected", "secured"] as const) this.#onPhase(phase);
      this.#handlers.onOpen();
    });
  }

  /** One message, in a turn of its own, like a datagram. */
  deliverSoon(): void {
    setImmediate(() => {
      if (this.#network.isCut || this.#isClosed) return;
      const message = this.#outgoing.shift();
      if (message === undefined) return;
      this.#other?.receive(message);
      const wasFull = this.#bufferedBytes >= CHANNEL_BUFFER_BYTES;
      this.#bufferedBytes -= message.byteLength;
      if (this.#isClosed) return;
      if (wasFull && this.#bufferedBytes < CHANNEL_BUFFER_BYTES) this.#handlers.onWritable();
      // After a cut there is more here than there are turns asked for.
      if (this.#outgoing.length > 0) this.deliverSoon();
    });
  }

  receive(message: Uint8Array): void {
    if (!this.#isClosed) this.#handlers.onMessage(message);
  }

  closeWith(reason: DirectReason): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.onClose(reason);
  }
}
