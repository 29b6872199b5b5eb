/**
 * Where commands and bulk travel now: keeps the present choice and asks choose-path.ts for the next.
 * Only what this side sends is steered here; the peer steers its own by the same policy.
 */

import type { Policy } from "../frames.ts";
import type { PathKind } from "../record.ts";
import {
  type BulkChoice,
  chooseBulkPath,
  chooseCommandPath,
  isWorthProbing,
  type PathView,
} from "./choose-path.ts";
import type { Duties } from "./outbox.ts";
import type { PathState } from "./path-state.ts";

export class Steering {
  policy: Policy = "preferDirect";
  #commandKind: PathKind | undefined;
  #bulk: BulkChoice | undefined;
  #wantsProbe = false;

  /** Where bulk travels now; undefined while no path is open. */
  get bulk(): BulkChoice | undefined {
    return this.#bulk;
  }

  /** @returns whether bulk moved to another path. */
  decide(paths: readonly PathState[], backlogBytes: number, nowMs: number): boolean {
    const views = paths.map(viewOf);
    const before = this.#bulk?.kind;
    this.#commandKind = chooseCommandPath(views, this.#commandKind);
    this.#bulk = chooseBulkPath(this.policy, views, this.#bulk, backlogBytes, nowMs);
    this.#wantsProbe = isWorthProbing(this.policy, views, backlogBytes);
    return this.#bulk?.kind !== before;
  }

  dutiesOf(path: PathState): Duties {
    const isOpen = path.state === "open";
    return {
      carriesCommands: isOpen && path.id.kind === this.#commandKind,
      carriesBulk: isOpen && path.id.kind === this.#bulk?.kind,
      wantsProbe: isOpen && this.#wantsProbe,
    };
  }
}

function viewOf(path: PathState): PathView {
  return {
    kind: path.id.kind,
    isOpen: path.state === "open",
    rttMs: path.rtt.measuredMs,
    goodput: path.goodput.bytesPerSecond,
  };
}
