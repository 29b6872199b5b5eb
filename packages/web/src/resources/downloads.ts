/** Additions under way: those this page started, and those it finds running after a reload. Pure. */

import { type Activity, BeelineError, type ResourceProgress, type Status } from "@beeline/protocol";
import { formatRate, formatRemaining } from "../wording.ts";

export interface Download {
  /** The id of the `resources:add` command; what a cancel names. */
  readonly id: string;
  readonly status: Status;
  readonly resources: readonly ResourceProgress[];
  readonly error: BeelineError | undefined;
}

export type DownloadEvent =
  | {
      readonly type: "updated";
      readonly id: string;
      readonly status: Status;
      readonly resources: readonly ResourceProgress[];
    }
  | { readonly type: "failed"; readonly id: string; readonly error: BeelineError }
  | { readonly type: "dismissed"; readonly id: string };

/** Newest first. A failure keeps what was known of the files. */
export function nextDownloads(
  downloads: readonly Download[],
  event: DownloadEvent,
): readonly Download[] {
  const rest = downloads.filter(({ id }) => id !== event.id);
  const before = downloads.find(({ id }) => id === event.id);
  switch (event.type) {
    case "updated": {
      const download = {
        id: event.id,
        status: event.status,
        resources: event.resources,
        error: undefined,
      };
      return before === undefined
        ? [download, ...downloads]
        : downloads.map((one) => (one.id === event.id ? download : one));
    }
    case "failed": {
      const status: Status = event.error.code === "CANCELED" ? "canceled" : "error";
      return [
        { id: event.id, resources: before?.resources ?? [], status, error: event.error },
        ...rest,
      ];
    }
    case "dismissed":
      return rest;
  }
}

export function isRunning(download: Download): boolean {
  return download.status === "pending" || download.status === "processing";
}

/** Additions that run without this page having started them. */
export function foreignDownloads(
  activities: readonly Activity[],
  own: readonly Download[],
): readonly Download[] {
  return activities
    .filter(
      ({ id, type }) => type === "resources:add" && own.every((download) => download.id !== id),
    )
    .map(({ id, status, resources }) => ({
      id,
      status,
      resources: resources ?? [],
      error: undefined,
    }))
    .filter(isRunning);
}

/** `42 %, 3.1 MB/s, 12 s left`. */
export function progressText(resource: ResourceProgress): string {
  if (resource.status === "pending") return "waiting";
  if (resource.status !== "processing") return resource.status;
  return [
    resource.progress === undefined ? undefined : `${Math.floor(resource.progress)} %`,
    resource.speed === undefined ? undefined : formatRate(resource.speed),
    resource.remainingTime === undefined
      ? undefined
      : formatRemaining(resource.remainingTime * 1000),
  ]
    .filter((text) => text !== undefined)
    .join(", ");
}

/** Why a file did not come, if it says so. */
export function resourceError(resource: ResourceProgress): BeelineError | undefined {
  return resource.error === undefined ? undefined : BeelineError.fromWire(resource.error);
}
