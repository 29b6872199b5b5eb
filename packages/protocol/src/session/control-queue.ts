/**
 * Frames that must reach the peer, remembered by what they are about instead of by their bytes.
 *
 * A request is kept once however often it is made; the frame is written when a record has room, from
 * the state of that moment. When that record is lost the request is simply made again, so a stale
 * credit or ack is never repeated.
 */

import type { PathId } from "../record.ts";

export type Control =
  | { readonly type: "credit" | "reset" | "query" | "state"; readonly id: number }
  | { readonly type: "stop"; readonly id: number; readonly code: number }
  | { readonly type: "suspect"; readonly path: PathId }
  | { readonly type: "budget" | "policy" }
  | { readonly type: "close"; readonly answer: boolean };

export class ControlQueue {
  readonly #waiting = new Map<string, Control>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(control: Control): void {
    this.#waiting.set(controlKey(control), control);
  }

  /** Oldest first. The caller removes what it wrote. */
  entries(): IterableIterator<[string, Control]> {
    return this.#waiting.entries();
  }

  remove(key: string): void {
    this.#waiting.delete(key);
  }

  clear(): void {
    this.#waiting.clear();
  }
}

function controlKey(control: Control): string {
  switch (control.type) {
    case "suspect":
      return `suspect ${control.path.kind} ${control.path.generation}`;
    case "budget":
    case "policy":
      return control.type;
    case "close":
      return `close ${control.answer}`;
    default:
      return `${control.type} ${control.id}`;
  }
}
