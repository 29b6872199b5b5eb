/**
 * Promotion: when to try to connect directly, when to give an attempt up, when to try again.
 *
 *               peerReady            opened
 *     idle ───────────────▶ dialing ───────▶ open
 *      ▲                      │  ▲             │ closed
 *      │ peerGone,    failed, │  │ rest over,  │
 *      │ declined    deadline ▼  │ nudge       ▼   (straight to idle while the peer is gone)
 *      └───────────────────  resting ◀─────────┘
 *
 * The relay carries traffic throughout, so a failed attempt costs nothing that a person could see.
 * Every attempt is a new peer connection under the next generation: an ICE restart after `failed`
 * differs between browsers (w3c/webrtc-pc#3139), a new connection does not.
 *
 * Pure: the extension's shell feeds it, carries its effects out, and calls `tick` at `wakeAtMs`.
 */

import type { DirectReason } from "./signal.ts";

/** Rest after the n-th failure in a row; the last one repeats. A nudge ends any rest. */
export const REST_MS = [0, 1_000, 4_000, 15_000, 60_000] as const;

/**
 * An attempt takes 0.3 to 1.3 s on links from a LAN to 100 ms with loss, as measured; slow
 * phones and TURN double that. After this long it has failed.
 */
export const ATTEMPT_TIMEOUT_MS = 12_000;

/** A direct path that lived this long was good: its loss starts the rests anew. */
const STABLE_MS = 10_000;

/** Attempts remembered for the page and the log. */
const ATTEMPTS_KEPT = 10;

export type AttemptPhase = "signaled" | "checking" | "connected" | "secured" | "open";

export interface Attempt {
  readonly generation: number;
  readonly outcome: "connecting" | "open" | "failed";
  readonly reason: DirectReason;
  /** Milliseconds from the start of the attempt to each phase it reached. */
  readonly phases: Readonly<Partial<Record<AttemptPhase, number>>>;
}

export type PromotionInput =
  | { readonly type: "peerReady" }
  /** Nobody can be signalled: attempts wait until the peer is ready again. */
  | { readonly type: "peerGone" }
  /** One side cannot or will not: an open channel is closed, no attempts until the peer is ready anew. */
  | { readonly type: "declined"; readonly reason: DirectReason }
  | { readonly type: "phase"; readonly phase: AttemptPhase }
  | { readonly type: "failed"; readonly reason: DirectReason }
  | { readonly type: "nudge" }
  | { readonly type: "tick" };

export type PromotionEffect =
  | { readonly type: "dial"; readonly generation: number }
  | { readonly type: "hangUp"; readonly generation: number };

type State =
  | { readonly name: "idle" }
  | { readonly name: "dialing"; readonly startedAtMs: number }
  | { readonly name: "open"; readonly sinceMs: number }
  | { readonly name: "resting"; readonly untilMs: number };

export class Promotion {
  #state: State = { name: "idle" };
  #generation = 0;
  #failures = 0;
  /** Offers can reach the other side. An open channel needs nobody in between and may outlive this. */
  #isPeerThere = false;
  #reason: DirectReason = "not-tried";
  #attempts: Attempt[] = [];

  get state(): State["name"] {
    return this.#state.name;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Why traffic is (or is not) on a direct path now. */
  get reason(): DirectReason {
    return this.#reason;
  }

  /** Oldest first. */
  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  get wakeAtMs(): number {
    if (this.#state.name === "dialing") return this.#state.startedAtMs + ATTEMPT_TIMEOUT_MS;
    if (this.#state.name === "resting") return this.#state.untilMs;
    return Number.POSITIVE_INFINITY;
  }

  handle(input: PromotionInput, nowMs: number): PromotionEffect[] {
    switch (input.type) {
      case "peerReady":
        this.#isPeerThere = true;
        return this.#state.name === "idle" ? this.#dial(nowMs) : [];
      case "peerGone":
        this.#isPeerThere = false;
        return this.#state.name === "open" ? [] : this.#stop("not-tried", nowMs);
      case "declined":
        return this.#stop(input.reason, nowMs);
      case "phase":
        return this.#reach(input.phase, nowMs);
      case "failed":
        return this.#fail(input.reason, nowMs);
      case "nudge":
        if (this.#state.name !== "resting") return [];
        this.#failures = 0;
        return this.#dial(nowMs);
      case "tick":
        return this.#tick(nowMs);
    }
  }

  #tick(nowMs: number): PromotionEffect[] {
    if (nowMs < this.wakeAtMs) return [];
    if (this.#state.name === "resting") return this.#dial(nowMs);
    if (this.#state.name === "dialing") return this.#fail(this.#timeoutReason(), nowMs);
    return [];
  }

  #dial(nowMs: number): PromotionEffect[] {
    this.#generation += 1;
    this.#state = { name: "dialing", startedAtMs: nowMs };
    this.#reason = "connecting";
    this.#attempts = [
      ...this.#attempts.slice(1 - ATTEMPTS_KEPT),
      {
        generation: this.#generation,
        outcome: "connecting",
        reason: "connecting",
        phases: {},
      },
    ];
    return [{ type: "dial", generation: this.#generation }];
  }

  #reach(phase: AttemptPhase, nowMs: number): PromotionEffect[] {
    if (this.#state.name !== "dialing") return [];
    const elapsedMs = Math.round(nowMs - this.#state.startedAtMs);
    const phases = { [phase]: elapsedMs, ...this.#latest?.phases };
    if (phase !== "open") {
      this.#report({ phases });
      return [];
    }
    this.#report({ phases, outcome: "open", reason: "open" });
    this.#state = { name: "open", sinceMs: nowMs };
    this.#reason = "open";
    return [];
  }

  #fail(reason: DirectReason, nowMs: number): PromotionEffect[] {
    if (this.#state.name !== "dialing" && this.#state.name !== "open") return [];
    if (this.#state.name === "open" && nowMs - this.#state.sinceMs >= STABLE_MS) this.#failures = 0;
    this.#report({ outcome: "failed", reason });
    const restMs = REST_MS[Math.min(this.#failures, REST_MS.length - 1)] as number;
    this.#failures += 1;
    this.#reason = reason;
    this.#state = this.#isPeerThere
      ? { name: "resting", untilMs: nowMs + restMs }
      : { name: "idle" };
    return [{ type: "hangUp", generation: this.#generation }];
  }

  #stop(reason: DirectReason, nowMs: number): PromotionEffect[] {
    const effects = this.#fail(reason, nowMs);
    this.#state = { name: "idle" };
    this.#failures = 0;
    this.#reason = reason;
    return effects;
  }

  /** Where an attempt got stuck says what stood in its way. */
  #timeoutReason(): DirectReason {
    const phases = this.#latest?.phases ?? {};
    if (phases.secured !== undefined) return "timeout";
    if (phases.connected !== undefined) return "dtls-failed";
    if (phases.signaled !== undefined) return "ice-failed";
    return "no-answer";
  }

  get #latest(): Attempt | undefined {
    return this.#attempts.at(-1);
  }

  #report(change: Partial<Attempt>): void {
    const latest = this.#latest;
    if (latest !== undefined) this.#attempts = this.#attempts.with(-1, { ...latest, ...change });
  }
}
