/** Starts, follows and cancels additions, and finds those that were running before a reload. */

import { randomUuid } from "@beeline/client";
import { type Activity, BeelineError, type ResourceToAdd } from "@beeline/protocol";
import { useEffect, useMemo, useReducer, useState } from "react";
import { useLibrary } from "../library.tsx";
import { useLinkView } from "../link/link-context.tsx";
import { type Download, foreignDownloads, nextDownloads } from "./downloads.ts";

export interface Downloads {
  readonly list: readonly Download[];
  /** Of a cancel that failed; what goes wrong with an addition is part of it. */
  readonly error: BeelineError | undefined;
  add(resource: ResourceToAdd): void;
  cancel(download: Download): void;
  dismiss(download: Download): void;
}

export function useDownloads(): Downloads {
  const { link, state } = useLinkView();
  const { reload } = useLibrary();
  const [own, dispatch] = useReducer(nextDownloads, []);
  const [activities, setActivities] = useState<readonly Activity[]>([]);
  const [error, setError] = useState<BeelineError | undefined>();

  useEffect(() => {
    if (link === undefined || state !== "linked") return;
    let wanted = true;
    // The tab of activities shows their errors; here they would only be in the way.
    const ask = () =>
      link.listActivities().then(
        (listed) => wanted && setActivities(listed),
        () => undefined,
      );
    void ask();
    const unsubscribe = link.on("changed", (what) => what === "activities" && void ask());
    return () => {
      wanted = false;
      unsubscribe();
    };
  }, [link, state]);

  return useMemo<Downloads>(() => {
    async function follow(resource: ResourceToAdd): Promise<void> {
      if (link === undefined) return;
      const id = randomUuid();
      dispatch({
        type: "updated",
        id,
        status: "pending",
        resources: [{ ...resource, status: "pending" }],
      });
      try {
        const job = link.addResources([resource], { id });
        job.result.catch(() => undefined);
        for await (const update of job) dispatch({ type: "updated", id, ...update });
        dispatch({ type: "updated", id, ...(await job.result) });
      } catch (thrown) {
        dispatch({ type: "failed", id, error: BeelineError.from(thrown) });
      }
      await reload();
    }
    async function cancel({ id, resources }: Download): Promise<void> {
      setError(undefined);
      try {
        await link?.cancelAdd(
          id,
          resources.map(({ type, hash }) => ({ type, hash })),
        );
      } catch (thrown) {
        setError(BeelineError.from(thrown));
      }
    }
    return {
      list: [...own, ...foreignDownloads(activities, own)],
      error,
      add: (resource) => void follow(resource),
      cancel: (download) => void cancel(download),
      dismiss: ({ id }) => dispatch({ type: "dismissed", id }),
    };
  }, [own, activities, error, link, reload]);
}
