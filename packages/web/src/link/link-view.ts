/**
 * What the page knows of its links, and how that changes. Pure.
 *
 * Invariant: `link`, `path` and `pairingKey` belong to `instanceId`; opening another instance
 * clears them. A pairing key is kept here only while it is short, because only then must a person
 * see it; lasting keys stay inside the link.
 */

import type { ExtensionKind, Link, LinkState, PathReport } from "@beeline/client";
import type { BeelineError, LinkInstance } from "@beeline/protocol";
import { isShortKey } from "@beeline/protocol";

export interface LinkView {
  /** Undefined until the server has answered. */
  readonly instances: readonly LinkInstance[] | undefined;
  /** True when this server runs a demo extension that the page may link by itself. */
  readonly demo: boolean;
  readonly instanceId: number | undefined;
  readonly pairingKey: string | undefined;
  readonly link: Link | undefined;
  readonly state: LinkState;
  /** What answers the commands, once it did. */
  readonly extension: ExtensionKind | undefined;
  readonly path: PathReport | undefined;
  /** The last thing that went wrong with a link, until dismissed or mended. */
  readonly error: BeelineError | undefined;
}

export type LinkEvent =
  | { readonly type: "listed"; readonly instances: readonly LinkInstance[]; readonly demo: boolean }
  | { readonly type: "opening"; readonly instanceId: number; readonly key: string }
  | { readonly type: "connected"; readonly link: Link }
  | { readonly type: "state"; readonly state: LinkState; readonly error: BeelineError | undefined }
  | { readonly type: "path"; readonly path: PathReport }
  | { readonly type: "extension"; readonly extension: ExtensionKind }
  | { readonly type: "rekeyed" }
  | { readonly type: "left" }
  | { readonly type: "failed"; readonly error: BeelineError }
  | { readonly type: "dismissed" };

const NO_LINK = {
  instanceId: undefined,
  pairingKey: undefined,
  link: undefined,
  state: "closed",
  extension: undefined,
  path: undefined,
} as const;

export const INITIAL_LINK_VIEW: LinkView = {
  ...NO_LINK,
  instances: undefined,
  demo: false,
  error: undefined,
};

export function nextLinkView(view: LinkView, event: LinkEvent): LinkView {
  switch (event.type) {
    case "listed":
      return { ...view, instances: event.instances, demo: event.demo };
    case "opening":
      return {
        ...view,
        ...NO_LINK,
        instanceId: event.instanceId,
        pairingKey: isShortKey(event.key) ? event.key : undefined,
        state: "joining",
        error: undefined,
      };
    case "connected": {
      const { link } = event;
      const { state, extension, path } = link;
      return { ...view, link, state, extension, path };
    }
    case "state":
      if (event.state === "closed")
        return { ...view, ...NO_LINK, error: event.error ?? view.error };
      return {
        ...view,
        state: event.state,
        // Once in the room, whatever went wrong on the way is over. That the computer is not there
        // is no error but a state, shown as such.
        error: event.state === "joining" ? (event.error ?? view.error) : undefined,
      };
    case "path":
      return { ...view, path: event.path };
    case "extension":
      return { ...view, extension: event.extension };
    case "rekeyed":
      return { ...view, pairingKey: undefined };
    case "left":
      return { ...view, ...NO_LINK };
    case "failed":
      return { ...view, error: event.error };
    case "dismissed":
      return { ...view, error: undefined };
  }
}

/** Which screen a view asks for. `pairing`: a short key waits to be typed on the computer. */
export function screenOf(view: LinkView): "loading" | "links" | "pairing" | "workspace" {
  if (view.instanceId === undefined) return view.instances === undefined ? "loading" : "links";
  return view.pairingKey === undefined ? "workspace" : "pairing";
}

/** The instance to open unasked: the one used last, or the only one that is linked. */
export function instanceToOpen(
  instances: readonly LinkInstance[],
  lastId: number | undefined,
): LinkInstance | undefined {
  const last = instances.find((instance) => instance.id === lastId);
  if (last !== undefined) return last;
  return instances.length === 1 && instances[0]?.activated === true ? instances[0] : undefined;
}

/**
 * The instance to join again when its key turned out unknown: a sleeping phone or a reloading page
 * misses the rekey, and its short key is dead by the time it is back.
 */
export function instanceAfterRekey(
  instances: readonly LinkInstance[],
  id: number,
  usedKey: string,
  error: BeelineError | undefined,
): LinkInstance | undefined {
  if (error?.code !== "LINK_KEY_UNKNOWN") return undefined;
  return instances.find((instance) => instance.id === id && instance.key !== usedKey);
}
