/**
 * What was heard of a shipped extension's requests: the answer for an extension that keeps no list of
 * its own (the desktop app), and the sign that a list has changed.
 */

import {
  ACTIVITIES_KEPT,
  type Activity,
  type ShippedStatus,
  type Status,
  shippedActivity,
} from "@beeline/protocol";

/** What extensions list as well: requests that change something. */
const KEPT_TYPES: ReadonlySet<string> = new Set(["resources:add", "resources:remove"]);

export class ShippedActivities {
  #list: readonly Activity[] = [];

  get list(): readonly Activity[] {
    return this.#list;
  }

  clear(): void {
    this.#list = [];
  }

  /** A request is over, as is known from elsewhere than its own answer. */
  end(id: string, status: Status): void {
    this.#list = this.#list.map((each) => (each.id === id ? { ...each, status } : each));
  }

  /** @returns whether a request is new, or has got another status. */
  hear(payload: unknown, { id, status }: ShippedStatus): boolean {
    const before = this.#list.find((activity) => activity.id === id);
    const told = shippedActivity(payload);
    // The desktop app's word that a download was canceled has an id and a status, nothing else.
    const next = told ?? (before && status !== undefined ? { ...before, status } : undefined);
    if (next === undefined || !KEPT_TYPES.has(next.type)) return false;
    const others = this.#list.filter((activity) => activity !== before);
    this.#list = [next, ...others].slice(0, ACTIVITIES_KEPT);
    return before?.status !== next.status;
  }
}
