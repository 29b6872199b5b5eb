/**
 * What a linked page may do on this machine: the owner's word, per link, taken back at any time.
 *
 * A right that was not given is refused before anything happens. A page cannot ask for one: rights
 * are given in the terminal only. What a page may always do is see its own past and stop its own jobs.
 */

import type { CheckedCommand, CommandName } from "@beeline/protocol";
import type { Caller } from "./service.ts";

export const RIGHTS = ["generate", "list", "add", "remove"] as const;
export type Right = (typeof RIGHTS)[number];

/** Undefined: needs no right. A command without an entry does not compile. */
const RIGHT_FOR: Readonly<Record<CommandName, Right | undefined>> = {
  "image:txt2img": "generate",
  "image:img2img": "generate",
  "resources:list": "list",
  "resources:add": "add",
  "resources:add:cancel": undefined,
  "resources:remove": "remove",
  "activities:list": undefined,
  "activities:clear": undefined,
  "activities:cancel": undefined,
  "extension:describe": undefined,
};

export class Rights {
  readonly #given = new Map<string, ReadonlySet<Right>>();

  /** From now on this link has exactly these. */
  give(linkId: string, rights: readonly Right[]): void {
    this.#given.set(linkId, new Set(rights));
  }

  takeAll(linkId: string): void {
    this.#given.delete(linkId);
  }

  /** False for every link that was given nothing. Fits as a command service's `permit`. */
  readonly permit = (command: CheckedCommand, caller: Caller): boolean => {
    const right = RIGHT_FOR[command.type];
    return right === undefined || this.#given.get(caller.linkId)?.has(right) === true;
  };
}
