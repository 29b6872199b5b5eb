/**
 * The extension's half of a direct attempt: carries out what the promotion machine decides, one peer
 * connection per generation, and tells it what became of it.
 */

import {
  type Clock,
  type CreateRtcPeer,
  DirectPath,
  type Path,
  type RtcPeer,
} from "@beeline/paths";
import {
  type Attempt,
  type DirectReason,
  type IceServer,
  Promotion,
  type PromotionEffect,
  type PromotionInput,
  type SignalMessage,
} from "@beeline/protocol";
import { inTurn } from "./turn-order.ts";

export interface DialerOptions {
  readonly sessionId: string;
  readonly createPeer: CreateRtcPeer;
  readonly clock: Clock;
  iceServers(): readonly IceServer[];
}

export interface DialerHandlers {
  send(message: SignalMessage): void;
  onOpen(path: Path): void;
  onRecord(record: Uint8Array): void;
  onWritable(): void;
  onClose(path: Path): void;
  /** An attempt began or ended; the newest one is the last of {@link DirectDialer.attempts}. */
  onAttempt(attempt: Attempt): void;
}

interface Current {
  readonly generation: number;
  readonly peer: RtcPeer;
  readonly path: Path;
  isOpen: boolean;
}

export class DirectDialer {
  readonly #options: DialerOptions;
  readonly #handlers: DialerHandlers;
  readonly #promotion = new Promotion();
  #isPeerThere = false;
  #current: Current | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: DialerOptions, handlers: DialerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  get attempts(): readonly Attempt[] {
    return this.#promotion.attempts;
  }

  /**
   * Whether the client is in the room, and able: then try now, and again as long as it stays. A
   * channel that is open when it leaves stays open.
   */
  setPeer(isThere: boolean): void {
    this.#isPeerThere = isThere;
    if (isThere) this.#feed({ type: "peerReady" });
    else if (this.#current?.isOpen !== true) this.#feed({ type: "peerGone" });
  }

  onSignal(message: SignalMessage): void {
    switch (message.kind) {
      case "answer":
        if (message.generation === this.#current?.generation) {
          this.#current.peer.accept({ kind: "answer", sdp: message.sdp });
        }
        return;
      case "candidate":
        if (message.generation === this.#current?.generation) {
          this.#current.peer.accept({ kind: "candidate", candidate: message.candidate });
        }
        return;
      case "decline":
        return this.#feed({ type: "declined", reason: declineReason(message.reason) });
      case "nudge":
        this.setPeer(true);
        return this.#feed({ type: "nudge" });
      case "offer":
        return;
    }
  }

  /** Something changed that makes an attempt promising: no need to rest any longer. */
  nudge(): void {
    this.#feed({ type: "nudge" });
  }

  /** The session found the open path dead. */
  wentDark(generation: number): void {
    if (generation === this.#current?.generation) {
      this.#feed({ type: "failed", reason: "went-dark" });
    }
  }

  close(): void {
    this.#feed({ type: "declined", reason: "channel-closed" });
    this.#cancelTimer?.();
  }

  #feed(input: PromotionInput): void {
    const before = this.#promotion.attempts.at(-1);
    const effects = this.#promotion.handle(input, this.#options.clock.nowMs());
    const after = this.#promotion.attempts.at(-1);
    if (after !== undefined && after.outcome !== before?.outcome) this.#handlers.onAttempt(after);
    for (const effect of effects) this.#carryOut(effect);
    // Nobody would answer an offer: the next attempt is for when the client is back.
    if (!this.#isPeerThere && this.#promotion.state === "resting") {
      this.#promotion.handle({ type: "peerGone" }, this.#options.clock.nowMs());
    }
    this.#schedule();
  }

  #carryOut(effect: PromotionEffect): void {
    if (effect.type === "dial") return this.#dial(effect.generation);
    const current = this.#current;
    if (current?.generation !== effect.generation) return;
    this.#current = undefined;
    current.peer.close();
    if (current.isOpen) this.#handlers.onClose(current.path);
  }

  #dial(generation: number): void {
    const { createPeer, sessionId } = this.#options;
    const isCurrent = (): boolean => this.#current?.generation === generation;
    const peer = createPeer(
      { iceServers: inTurn(this.#options.iceServers(), this.#promotion.attempts) },
      {
        onSignal: (signal) => this.#handlers.send({ ...signal, sessionId, generation }),
        onPhase: (phase) => {
          if (isCurrent()) this.#feed({ type: "phase", phase });
        },
        onOpen: () => {
          if (!isCurrent() || this.#current === undefined) return;
          this.#current.isOpen = true;
          this.#feed({ type: "phase", phase: "open" });
          this.#handlers.onOpen(this.#current.path);
        },
        onMessage: (record) => this.#handlers.onRecord(record),
        onWritable: () => this.#handlers.onWritable(),
        onClose: (reason) => {
          if (isCurrent()) this.#feed({ type: "failed", reason });
        },
      },
    );
    this.#current = { generation, peer, path: new DirectPath(peer, generation), isOpen: false };
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const wakeAtMs = this.#promotion.wakeAtMs;
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(wakeAtMs - clock.nowMs(), () => this.#feed({ type: "tick" }));
  }
}

function declineReason(reason: string): DirectReason {
  return reason === "no-webrtc" ? "peer-unable" : "disabled-there";
}
