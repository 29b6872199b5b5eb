/**
 * Frames that must reach the peer, remembered by what they are about instead of by their bytes.
 *
 * A request is kept once however often it is made; the frame is written when a record has room, from
 * the state of that moment. When that record is lost the request is simply made again, so a stale
 * credit is never repeated.
 */

import type { PathId } from "../record.ts";

export type Control =
  | { readonly type: "credit"; readonly id: number }
  | { readonly type: "reset"; readonly id: number }
  | { readonly type: "query"; readonly id: number }
  | { readonly type: "state"; readonly id: number }
  | { readonly type: "stop"; readonly id: number; readonly code: number }
  | { readonly type: "suspect"; readonly path: PathId }
  | { readonly type: "budget" }
  | { readonly type: "policy" }
  | { readonly type: "close" };

export class ControlQueue {
  readonly #waiting = new Map<string, Control>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(control: Control): void {
    this.#waiting.set(keyOf(control), control);
  }

  /** Oldest first. */
  values(): IterableIterator<Control> {
    return this.#waiting.values();
  }

  remove(control: Control): void {
    this.#waiting.delete(keyOf(control));
  }

  clear(): void {
    this.#waiting.clear();
  }
}

function keyOf(control: Control): string {
  switch (control.type) {
    case "suspect":
      return `suspect ${control.path.kind} ${control.path.generation}`;
    case "budget":
    case "policy":
    case "close":
      return control.type;
    default:
      return `${control.type} ${control.id}`;
  }
}
