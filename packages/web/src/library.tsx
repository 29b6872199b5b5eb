/**
 * What the linked computer has: its description, and its resources. Asked for once linked, and
 * again whenever the extension says that they changed.
 */

import type { ExtensionInfo, Resource } from "@beeline/protocol";
import { BeelineError } from "@beeline/protocol";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useState,
} from "react";
import { useLinkView } from "./link/link-context.tsx";

export interface Library {
  /** Undefined until the extension has answered, and for a shipped one. */
  readonly info: ExtensionInfo | undefined;
  readonly resources: readonly Resource[] | undefined;
  readonly error: BeelineError | undefined;
  reload(): Promise<void>;
}

const EMPTY: Library = {
  info: undefined,
  resources: undefined,
  error: undefined,
  reload: async () => undefined,
};

const LibraryContext = createContext<Library>(EMPTY);

export function useLibrary(): Library {
  return use(LibraryContext);
}

export function LibraryProvider({ children }: { readonly children: ReactNode }) {
  const { link, state, extension } = useLinkView();
  const [info, setInfo] = useState<ExtensionInfo | undefined>();
  const [resources, setResources] = useState<readonly Resource[] | undefined>();
  const [error, setError] = useState<BeelineError | undefined>();

  const load = useCallback(
    async (what: "all" | "resources", signal?: AbortSignal) => {
      if (link === undefined) return;
      const options = signal === undefined ? {} : { signal };
      try {
        const [described, listed] = await Promise.all([
          // A shipped extension cannot say what draws behind it: nothing does.
          what === "all" && link.extension !== "shipped" ? link.describe(options) : undefined,
          link.listResources(undefined, options),
        ]);
        if (signal?.aborted) return;
        if (what === "all") setInfo(described);
        setResources(listed);
        setError(undefined);
      } catch (thrown) {
        if (!signal?.aborted) setError(BeelineError.from(thrown));
      }
    },
    [link],
  );

  useEffect(() => {
    // Another link is another computer: nothing of the one before may be offered.
    setInfo(undefined);
    setResources(undefined);
    setError(undefined);
    return link?.on("changed", (what) => {
      if (what === "resources") void load("resources");
    });
  }, [link, load]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another kind of extension has another library
  useEffect(() => {
    if (state !== "linked") return;
    const asking = new AbortController();
    void load("all", asking.signal);
    return () => asking.abort();
  }, [state, extension, load]);

  const library = useMemo<Library>(
    () => ({ info, resources, error, reload: () => load("all") }),
    [info, resources, error, load],
  );
  return <LibraryContext value={library}>{children}</LibraryContext>;
}
