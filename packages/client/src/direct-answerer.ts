/**
 * The client's half of a direct attempt: answers the extension's offers, one peer connection per
 * generation, and reports how far each came.
 *
 * Invariant: once an attempt has failed, `reason` is why the last one did until a channel is open.
 * That the next one is under way already is no answer to why there is none now.
 */

import {
  type Clock,
  type CreateRtcPeer,
  DirectPath,
  type Path,
  type RtcPeer,
} from "@beeline/paths";
import {
  ATTEMPT_TIMEOUT_MS,
  type Attempt,
  type AttemptPhase,
  type DirectReason,
  type IceServer,
  SignalMessage,
} from "@beeline/protocol";

export interface AnswererHandlers {
  send(message: SignalMessage): void;
  onOpen(path: Path): void;
  onRecord(record: Uint8Array): void;
  onWritable(): void;
  onClose(path: Path): void;
  onChange(): void;
}

export interface AnswererOptions {
  readonly sessionId: string;
  /** Undefined where there is no WebRTC. */
  readonly createPeer: CreateRtcPeer | undefined;
  readonly iceServers: readonly IceServer[];
  readonly isAllowed: boolean;
  readonly clock: Clock;
}

/** Attempts kept for the page. */
const ATTEMPTS_KEPT = 10;

interface Current {
  readonly generation: number;
  readonly peer: RtcPeer;
  readonly path: Path;
  readonly startedAtMs: number;
  readonly cancelDeadline: () => void;
  isOpen: boolean;
}

export class DirectAnswerer {
  readonly #options: AnswererOptions;
  readonly #handlers: AnswererHandlers;
  #iceServers: readonly IceServer[];
  #isAllowed: boolean;
  #current: Current | undefined;
  #attempts: Attempt[] = [];
  #reason: DirectReason = "not-tried";

  constructor(options: AnswererOptions, handlers: AnswererHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#iceServers = options.iceServers;
    this.#isAllowed = options.isAllowed;
  }

  get reason(): DirectReason {
    if (!this.#isAllowed) return "disabled-here";
    if (this.#options.createPeer === undefined) return "no-webrtc";
    return this.#reason;
  }

  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  setIceServers(iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers;
  }

  /** Switches direct on or off for good; the extension is told by a decline or a nudge. */
  allow(isAllowed: boolean): void {
    if (isAllowed === this.#isAllowed) return;
    this.#isAllowed = isAllowed;
    if (isAllowed) {
      this.#reason = "not-tried";
      this.nudge();
    } else this.#decline(this.#current?.generation ?? 0);
  }

  /** The network changed or the page became visible: now is a good moment for an attempt. */
  nudge(): void {
    if (this.#isAllowed && this.#options.createPeer !== undefined) {
      this.#handlers.send({ kind: "nudge", sessionId: this.#options.sessionId });
    }
  }

  /** @param raw unchecked; what is not for this session or an older attempt is ignored. */
  onSignal(raw: unknown): void {
    const parsed = SignalMessage.safeParse(raw);
    if (!parsed.success || parsed.data.sessionId !== this.#options.sessionId) return;
    const message = parsed.data;
    if (message.kind === "offer") this.#onOffer(message.generation, message.sdp);
    if (message.kind === "candidate" && message.generation === this.#current?.generation) {
      this.#current.peer.accept({ kind: "candidate", candidate: message.candidate });
    }
  }

  /** The session found the path dead, or the session is over. */
  hangUp(reason: DirectReason): void {
    const current = this.#current;
    if (current === undefined) return;
    current.peer.close();
    this.#ended(current, reason);
  }

  #onOffer(generation: number, sdp: string): void {
    if (generation <= (this.#current?.generation ?? this.#attempts.at(-1)?.generation ?? 0)) return;
    const { createPeer, clock } = this.#options;
    if (createPeer === undefined || !this.#isAllowed) return this.#decline(generation);
    this.hangUp(this.#current?.isOpen === true ? "channel-closed" : this.#obstacle());
    const startedAtMs = clock.nowMs();
    const peer = createPeer(
      { iceServers: this.#iceServers },
      {
        onSignal: (signal) =>
          this.#handlers.send({ ...signal, sessionId: this.#options.sessionId, generation }),
        onPhase: (phase) => this.#phase(generation, phase),
        onOpen: () => this.#opened(generation),
        onMessage: (record) => this.#handlers.onRecord(record),
        onWritable: () => this.#handlers.onWritable(),
        onClose: (reason) => {
          if (this.#current?.generation === generation) this.#ended(this.#current, reason);
        },
      },
    );
    const path = new DirectPath(peer, generation);
    // The extension gives the attempt up as well, but cannot always say so.
    const cancelDeadline = clock.after(ATTEMPT_TIMEOUT_MS, () => this.hangUp(this.#obstacle()));
    this.#current = { generation, peer, path, startedAtMs, cancelDeadline, isOpen: false };
    this.#attempts = [
      ...this.#attempts.slice(1 - ATTEMPTS_KEPT),
      { generation, outcome: "connecting", reason: "connecting", phases: {} },
    ];
    this.#setReason(this.#reason === "not-tried" ? "connecting" : this.#reason);
    peer.accept({ kind: "offer", sdp });
  }

  #opened(generation: number): void {
    const current = this.#current;
    if (current?.generation !== generation) return;
    current.isOpen = true;
    current.cancelDeadline();
    this.#phase(generation, "open");
    this.#report(generation, { outcome: "open", reason: "open" });
    this.#handlers.onOpen(current.path);
    this.#setReason("open");
  }

  #ended(current: Current, reason: DirectReason): void {
    this.#current = undefined;
    current.cancelDeadline();
    this.#report(current.generation, { outcome: "failed", reason });
    if (current.isOpen) this.#handlers.onClose(current.path);
    this.#setReason(reason);
  }

  /** What the attempt under way is stuck at: it found a route, or it did not. */
  #obstacle(): DirectReason {
    return this.#attempts.at(-1)?.phases.connected === undefined ? "ice-failed" : "dtls-failed";
  }

  #decline(generation: number): void {
    this.hangUp("disabled-here");
    const reason = this.#isAllowed ? "no-webrtc" : "disabled-there";
    const { sessionId } = this.#options;
    this.#handlers.send({ kind: "decline", sessionId, generation, reason });
    this.#handlers.onChange();
  }

  #phase(generation: number, phase: AttemptPhase): void {
    const current = this.#current;
    if (current?.generation !== generation) return;
    const elapsedMs = Math.round(this.#options.clock.nowMs() - current.startedAtMs);
    const phases = this.#attempts.at(-1)?.phases ?? {};
    this.#report(generation, { phases: { [phase]: elapsedMs, ...phases } });
  }

  #report(generation: number, change: Partial<Attempt>): void {
    this.#attempts = this.#attempts.map((attempt) =>
      attempt.generation === generation ? { ...attempt, ...change } : attempt,
    );
  }

  #setReason(reason: DirectReason): void {
    this.#reason = reason;
    this.#handlers.onChange();
  }
}
