/**
 * Runs the page's jobs and keeps their pictures, whichever tab is in front.
 *
 * One job at a time: the extension has the queue, and a person watches one picture come. A job that
 * was running when the page was reloaded is asked for again under its id.
 */

import { type ImageJob, type Link, randomUuid } from "@beeline/client";
import { BeelineError } from "@beeline/protocol";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "react";
import {
  addPicture,
  EMPTY_GALLERY,
  type Gallery,
  type Picture,
  pictureOf,
  removePicture,
} from "../gallery/gallery.ts";
import { useLinkView } from "../link/link-context.tsx";
import { type JobView, startJob, updateJob } from "./job-view.ts";
import {
  type DrawRequest,
  findPendingJob,
  forgetPendingJob,
  keepPendingJob,
  type PendingJob,
} from "./pending-job.ts";

export interface Studio {
  /** The job that runs, if one does. */
  readonly job: JobView | undefined;
  readonly gallery: Gallery;
  /** Why the last job ended without all of its pictures; not set when it was canceled. */
  readonly error: BeelineError | undefined;
  /** Does nothing while a job runs or no link is open. */
  draw(request: DrawRequest, modelName: string | undefined): void;
  cancel(): void;
  remove(picture: Picture): void;
  dismissError(): void;
}

const StudioContext = createContext<Studio | undefined>(undefined);

/** @throws {BeelineError} `INTERNAL` outside of a {@link StudioProvider}. */
export function useStudio(): Studio {
  const studio = use(StudioContext);
  if (studio === undefined) throw new BeelineError("INTERNAL", "no StudioProvider above");
  return studio;
}

type GalleryEvent = { readonly add: Picture } | { readonly remove: string };

function nextGallery(gallery: Gallery, event: GalleryEvent): Gallery {
  return "add" in event ? addPicture(gallery, event.add) : removePicture(gallery, event.remove);
}

export function StudioProvider({ children }: { readonly children: ReactNode }) {
  const { link, instanceId, state } = useLinkView();
  const [job, setJob] = useState<JobView | undefined>();
  const [error, setError] = useState<BeelineError | undefined>();
  const [gallery, change] = useReducer(nextGallery, EMPTY_GALLERY);
  /** Set from the moment a job is started until it has ended; guards against two at once. */
  const running = useRef<AbortController | undefined>(undefined);

  const run = useCallback(async (link: Link, pending: PendingJob) => {
    if (running.current !== undefined) return;
    const canceling = new AbortController();
    running.current = canceling;
    let isOver = true;
    setError(undefined);
    setJob(startJob(pending.id, pending.draw.request));
    try {
      await keepPendingJob(pending);
      const job = send(link, pending, canceling.signal);
      // The loop may throw first; the same failure must not go unheard here meanwhile.
      job.result.catch(() => undefined);
      for await (const update of job) {
        setJob((view) => view && updateJob(view, update));
        if (update.kind === "image") change({ add: pictureOf(update.image, pending) });
      }
      const { images } = await job.result;
      for (const image of images) change({ add: pictureOf(image, pending) });
    } catch (thrown) {
      const reason = BeelineError.from(thrown);
      // The person left the link; the job goes on there and is found again when they come back.
      if (reason.code === "SESSION_CLOSED") isOver = false;
      else if (reason.code !== "CANCELED") setError(reason);
    } finally {
      if (isOver) await forgetPendingJob(pending.id);
      running.current = undefined;
      setJob(undefined);
    }
  }, []);

  useEffect(() => {
    if (link === undefined || instanceId === undefined || state !== "linked") return;
    let wanted = true;
    void findPendingJob(instanceId, Date.now()).then((found) => {
      if (wanted && found !== undefined) void run(link, found);
    });
    return () => {
      wanted = false;
    };
  }, [link, instanceId, state, run]);

  const studio = useMemo<Studio>(
    () => ({
      job,
      gallery,
      error,
      draw(draw, modelName) {
        if (link === undefined || instanceId === undefined) return;
        void run(link, { id: randomUuid(), instanceId, startedAtMs: Date.now(), draw, modelName });
      },
      cancel() {
        running.current?.abort();
        setJob((view) => view && { ...view, canceling: true });
      },
      remove: (picture) => change({ remove: picture.key }),
      dismissError: () => setError(undefined),
    }),
    [job, gallery, error, link, instanceId, run],
  );
  return <StudioContext value={studio}>{children}</StudioContext>;
}

function send(link: Link, { id, draw }: PendingJob, signal: AbortSignal): ImageJob {
  return draw.kind === "txt2img"
    ? link.txt2img(draw.request, { id, signal })
    : link.img2img(draw.request, { id, signal });
}
