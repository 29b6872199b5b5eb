/**
 * An RTC engine without WebRTC: two ends in one process that find each other by what they signal.
 * For tests and examples of everything above the port; held to the same contract as the real ones.
 */

import { BeelineError, type DirectReason } from "@beeline/protocol";
import {
  assertSendable,
  type CreateRtcPeer,
  type RtcHandlers,
  type RtcPeer,
  type RtcSignal,
} from "./rtc-peer.ts";

export interface MemoryRtc {
  readonly createOfferer: CreateRtcPeer;
  readonly createAnswerer: CreateRtcPeer;
  /** From now on nothing gets through, in silence, as when a cable is pulled. */
  cut(): void;
  restore(): void;
  /** Every new attempt fails like this; undefined: attempts succeed again. */
  refuse(reason: DirectReason | undefined): void;
}

export function createMemoryRtc(): MemoryRtc {
  const offerers = new Map<string, MemoryPeer>();
  const network = { isCut: false, refusal: undefined as DirectReason | undefined };
  let count = 0;
  return {
    createOfferer: (_options, handlers) => {
      count += 1;
      const name = `memory-${count}`;
      const peer = new MemoryPeer(network, handlers, offerers);
      offerers.set(name, peer);
      queueMicrotask(() => peer.announce({ kind: "offer", sdp: name }));
      return peer;
    },
    createAnswerer: (_options, handlers) => new MemoryPeer(network, handlers, offerers),
    cut: () => {
      network.isCut = true;
    },
    restore: () => {
      network.isCut = false;
    },
    refuse: (reason) => {
      network.refusal = reason;
    },
  };
}

class MemoryPeer implements RtcPeer {
  readonly bufferedBytes = 0;
  readonly #network: { readonly isCut: boolean; readonly refusal: DirectReason | undefined };
  readonly #handlers: RtcHandlers;
  readonly #offerers: Map<string, MemoryPeer>;
  #other: MemoryPeer | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(
    network: { readonly isCut: boolean; readonly refusal: DirectReason | undefined },
    handlers: RtcHandlers,
    offerers: Map<string, MemoryPeer>,
  ) {
    this.#network = network;
    this.#handlers = handlers;
    this.#offerers = offerers;
  }

  announce(signal: RtcSignal): void {
    if (!this.#isClosed) this.#handlers.onSignal(signal);
  }

  accept(signal: RtcSignal): void {
    if (this.#isClosed || signal.kind === "candidate") return;
    this.#handlers.onPhase("signaled");
    if (this.#network.refusal !== undefined) {
      const reason = this.#network.refusal;
      queueMicrotask(() => this.closeWith(reason));
      return;
    }
    if (signal.kind === "offer") {
      this.#other = this.#offerers.get(signal.sdp);
      if (this.#other === undefined) return;
      this.#other.#other = this;
      this.announce({ kind: "answer", sdp: signal.sdp });
      return;
    }
    for (const end of [this, this.#other]) end?.open();
  }

  send(message: Uint8Array): void {
    assertSendable(message);
    if (!this.#isOpen || this.#isClosed) {
      throw new BeelineError("SESSION_CLOSED", "the direct channel is closed");
    }
    const copy = message.slice();
    const other = this.#other;
    setImmediate(() => {
      if (!this.#network.isCut) other?.receive(copy);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const other = this.#other;
    setImmediate(() => {
      if (!this.#network.isCut) other?.closeWith("channel-closed");
    });
  }

  open(): void {
    queueMicrotask(() => {
      if (this.#isClosed || this.#isOpen) return;
      this.#isOpen = true;
      for (const phase of ["checking", "connected", "secured"] as const) {
        this.#handlers.onPhase(phase);
      }
      this.#handlers.onOpen();
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
