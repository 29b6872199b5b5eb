/**
 * Owns the one link this page holds: opens it, listens to it, leaves it.
 *
 * Everything below reads {@link LinkView} and calls {@link LinkActions}. At most one link is open;
 * opening another aborts the attempt or leaves the link before it, so a late answer of an older
 * attempt never reaches the view.
 */

import { connect, createInstances, type Link, type PathPolicy } from "@beeline/client";
import { BeelineError, type LinkInstance } from "@beeline/protocol";
import { createContext, type ReactNode, use, useEffect, useMemo, useReducer, useRef } from "react";
import { hasDemo, pairDemo } from "./demo.ts";
import { browserName } from "./link-key.ts";
import {
  INITIAL_LINK_VIEW,
  instanceAfterRekey,
  instanceToOpen,
  type LinkView,
  nextLinkView,
} from "./link-view.ts";
import { lastInstanceId, rememberInstance, rememberPolicy, storedPolicy } from "./settings.ts";

export interface LinkActions {
  /** Asks the server for the instances again. */
  reload(): Promise<void>;
  /** Creates an instance and opens it; its short key is then shown. */
  create(): Promise<void>;
  /** The same, and links the demo's own extension at once. */
  createDemo(): Promise<void>;
  open(instance: LinkInstance): void;
  /** Gives the instance a new short key and opens it. The old key is dead from here on. */
  rekey(id: number): Promise<void>;
  rename(id: number, name: string): Promise<void>;
  remove(id: number): Promise<void>;
  /** Back to the list; the link stays as it is on the server. */
  leave(): void;
  setPolicy(policy: PathPolicy): void;
  dismissError(): void;
}

const ViewContext = createContext<LinkView>(INITIAL_LINK_VIEW);
const ActionsContext = createContext<LinkActions | undefined>(undefined);

export function useLinkView(): LinkView {
  return use(ViewContext);
}

/** @throws {BeelineError} `INTERNAL` outside of a {@link LinkProvider}. */
export function useLinkActions(): LinkActions {
  const actions = use(ActionsContext);
  if (actions === undefined) throw new BeelineError("INTERNAL", "no LinkProvider above");
  return actions;
}

/** What the provider holds open, outside of rendering. */
interface OpenLink {
  readonly attempt: AbortController;
  link: Link | undefined;
}

export function LinkProvider({ children }: { readonly children: ReactNode }) {
  const [view, dispatch] = useReducer(nextLinkView, INITIAL_LINK_VIEW);
  const current = useRef<OpenLink | undefined>(undefined);

  const actions = useMemo<LinkActions>(() => {
    const server = location.origin;
    const instances = createInstances({ server });

    function hangUp(): void {
      const open = current.current;
      current.current = undefined;
      open?.attempt.abort();
      // Whoever leaves has decided to; what was still on its way is not waited for.
      open?.link?.close(0).catch(() => undefined);
    }

    async function list(): Promise<readonly LinkInstance[]> {
      const [found, demo] = await Promise.all([instances.list(), hasDemo()]);
      dispatch({ type: "listed", instances: found, demo });
      return found;
    }

    async function join(id: number, key: string): Promise<void> {
      hangUp();
      const open: OpenLink = { attempt: new AbortController(), link: undefined };
      current.current = open;
      dispatch({ type: "opening", instanceId: id, key });
      const { signal } = open.attempt;
      let lastKey = key;
      try {
        const link = await connect({
          server,
          key,
          policy: storedPolicy(),
          name: browserName(navigator.userAgent),
          signal,
        });
        if (signal.aborted) {
          await link.close(0);
          return;
        }
        open.link = link;
        rememberInstance(id);
        link.on("path", (path) => current.current === open && dispatch({ type: "path", path }));
        link.on("extension", (extension) => {
          if (current.current === open) dispatch({ type: "extension", extension });
        });
        link.on("state", (state, error) => {
          if (current.current !== open) return;
          if (state === "closed") void attempt(() => ended(error));
          else dispatch({ type: "state", state, error });
        });
        link.on("rekey", () => {
          if (current.current !== open) return;
          lastKey = link.key;
          dispatch({ type: "rekeyed" });
          void attempt(list);
        });
        dispatch({ type: "connected", link });
      } catch (thrown) {
        if (!signal.aborted) await ended(BeelineError.from(thrown));
      }

      /** The link is closed for good, unless only its key is another by now. */
      async function ended(error: BeelineError | undefined): Promise<void> {
        current.current = undefined;
        const found = await list().catch(() => []);
        const renewed = instanceAfterRekey(found, id, lastKey, error);
        if (renewed !== undefined) await join(id, renewed.key);
        else dispatch({ type: "state", state: "closed", error });
      }
    }

    /** Whatever goes wrong is shown; an action never rejects. */
    async function attempt(action: () => Promise<unknown>): Promise<void> {
      try {
        await action();
      } catch (thrown) {
        dispatch({ type: "failed", error: BeelineError.from(thrown) });
      }
    }

    async function createAndJoin(): Promise<number> {
      const created = await instances.create();
      await list();
      // Joined before the demo extension is told: whoever sits in the room hears of the rekey.
      await join(created.id, created.key);
      return created.id;
    }

    return {
      reload: () =>
        attempt(async () => {
          const found = await list();
          const chosen = instanceToOpen(found, lastInstanceId());
          if (chosen !== undefined && current.current === undefined)
            await join(chosen.id, chosen.key);
        }),
      create: () => attempt(createAndJoin),
      createDemo: () => attempt(async () => pairDemo(await createAndJoin())),
      open: (instance) => void attempt(() => join(instance.id, instance.key)),
      rekey: (id) =>
        attempt(async () => {
          const { key } = await instances.rekey(id);
          await list();
          await join(id, key);
        }),
      rename: (id, name) =>
        attempt(async () => {
          await instances.rename(id, name);
          await list();
        }),
      remove: (id) =>
        attempt(async () => {
          await instances.remove(id);
          if (lastInstanceId() === id) rememberInstance(undefined);
          await list();
        }),
      leave() {
        hangUp();
        rememberInstance(undefined);
        dispatch({ type: "left" });
        void attempt(list);
      },
      setPolicy(policy) {
        rememberPolicy(policy);
        current.current?.link?.setPolicy(policy);
      },
      dismissError: () => dispatch({ type: "dismissed" }),
    };
  }, []);

  useEffect(() => {
    void actions.reload();
    return () => {
      const open = current.current;
      current.current = undefined;
      open?.attempt.abort();
      open?.link?.close(0).catch(() => undefined);
    };
  }, [actions]);

  return (
    <ActionsContext value={actions}>
      <ViewContext value={view}>{children}</ViewContext>
    </ActionsContext>
  );
}
