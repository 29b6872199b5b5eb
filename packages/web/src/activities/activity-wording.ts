/** A past request in words. Pure. */

import { type Activity, BeelineError } from "@beeline/protocol";

const TYPE_WORDS: Readonly<Record<string, string>> = {
  "image:txt2img": "Picture from words",
  "image:img2img": "Picture from a picture",
  "resources:add": "Download",
  "resources:add:cancel": "Download canceled",
  "resources:remove": "Removal",
  "resources:list": "List of resources",
  "activities:cancel": "Cancel",
};

export const STATUS_LOOK = {
  pending: { word: "waiting", color: "gray" },
  processing: { word: "running", color: "bee" },
  success: { word: "done", color: "green" },
  error: { word: "failed", color: "red" },
  canceled: { word: "canceled", color: "gray" },
} as const satisfies Record<Activity["status"], { word: string; color: string }>;

/** The command in words; one we do not know is shown by its own name. */
export function activityTitle(activity: Activity): string {
  return Object.hasOwn(TYPE_WORDS, activity.type)
    ? (TYPE_WORDS[activity.type] ?? activity.type)
    : activity.type;
}

/** What it was about: the files, or how many pictures. */
export function activityDetail(activity: Activity): string {
  const names = (activity.resources ?? []).map(({ name, hash }) => name ?? hash.slice(0, 10));
  if (names.length > 0) return names.join(", ");
  const images = activity.images;
  if (Array.isArray(images) && images.length > 0) {
    return images.length === 1 ? "1 picture" : `${images.length} pictures`;
  }
  return "";
}

export function activityError(activity: Activity): BeelineError | undefined {
  return activity.error === undefined ? undefined : BeelineError.fromWire(activity.error);
}

/** A download that can still be stopped. */
export function isCancelable(activity: Activity): boolean {
  return (
    activity.type === "resources:add" &&
    (activity.status === "pending" || activity.status === "processing") &&
    (activity.resources ?? []).length > 0
  );
}
