/**
 * A running job as the page shows it. Pure.
 *
 * Invariant: `preview` is never of an image that has already landed, and progress never runs
 * backwards within one image of one run.
 */

import type { ImageUpdate } from "@beeline/client";
import type { Status } from "@beeline/protocol";
import type { TextRequest } from "./draw-form.ts";

export interface JobView {
  readonly id: string;
  readonly quantity: number;
  /** Pixels of the pictures to come: the shape of the frame they will fill. */
  readonly width: number;
  readonly height: number;
  readonly status: Status;
  /** Jobs before this one; undefined once it runs. */
  readonly queuePosition: number | undefined;
  /** 0 to 100 over the whole job. */
  readonly progress: number;
  readonly step: number;
  readonly steps: number;
  readonly etaMs: number | undefined;
  readonly preview:
    | { readonly index: number; readonly mime: string; readonly bytes: Uint8Array }
    | undefined;
  readonly landed: ReadonlySet<number>;
  /** The finished image that is on its way. */
  readonly transfer:
    | { readonly index: number; readonly received: number; readonly size: number }
    | undefined;
  readonly canceling: boolean;
}

/** A job just sent. What the request leaves open is as the protocol has it by default. */
export function startJob(id: string, request: TextRequest): JobView {
  return {
    id,
    quantity: request.quantity ?? 1,
    width: request.params.width ?? 512,
    height: request.params.height ?? 512,
    status: "pending",
    queuePosition: undefined,
    progress: 0,
    step: 0,
    steps: 0,
    etaMs: undefined,
    preview: undefined,
    landed: new Set(),
    transfer: undefined,
    canceling: false,
  };
}

export function updateJob(job: JobView, update: ImageUpdate): JobView {
  switch (update.kind) {
    case "status":
      return {
        ...job,
        status: update.status,
        queuePosition: update.status === "pending" ? update.queuePosition : undefined,
      };
    case "progress":
      return {
        ...job,
        status: "processing",
        queuePosition: undefined,
        progress: Math.max(job.progress, update.progress),
        step: update.step,
        steps: update.steps,
        etaMs: update.etaMs,
      };
    case "preview":
      if (job.landed.has(update.index)) return job;
      return { ...job, preview: { index: update.index, mime: update.mime, bytes: update.bytes } };
    case "transfer":
      return {
        ...job,
        transfer: { index: update.index, received: update.received, size: update.size },
      };
    case "image": {
      const { index } = update.image;
      return {
        ...job,
        landed: new Set(job.landed).add(index),
        preview: job.preview?.index === index ? undefined : job.preview,
        transfer: job.transfer?.index === index ? undefined : job.transfer,
      };
    }
  }
}

/** What the job is doing, in a few words; said aloud by screen readers, so it holds no counters. */
export function jobPhase(job: JobView): string {
  if (job.canceling) return "Canceling…";
  if (job.status === "pending") {
    if (job.queuePosition === undefined) return "Sending…";
    if (job.queuePosition === 0) return "Starting…";
    return job.queuePosition === 1
      ? "1 job before yours"
      : `${job.queuePosition} jobs before yours`;
  }
  if (job.transfer !== undefined) return "Receiving…";
  if (job.step === 0) return "Starting…";
  return job.quantity > 1
    ? `Drawing ${Math.min(job.landed.size + 1, job.quantity)} of ${job.quantity}`
    : "Drawing";
}
