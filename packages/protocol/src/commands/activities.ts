/** `activities:list` (the specification), `activities:cancel` and `activities:clear` (the shipped dialect). */

import { z } from "zod";
import { Progress, ResponseBase, Status, Timestamp, WireErrorSchema } from "./base.ts";
import { ResourceProgress } from "./resources.ts";

/** The specification: "last 10 requests". */
export const ACTIVITIES_KEPT = 10;

/** One past request as its last response looked, newest first in lists. Extra fields are kept. */
export const Activity = z.looseObject({
  id: z.string(),
  type: z.string(),
  status: Status,
  createdAt: Timestamp.optional(),
  updatedAt: Timestamp.optional(),
  progress: Progress.optional(),
  error: WireErrorSchema.optional(),
  resources: z.array(ResourceProgress).optional(),
});
export type Activity = z.infer<typeof Activity>;

export const ActivitiesList = {
  request: z.object({ quantity: z.number().int().positive().optional() }),
  response: ResponseBase.extend({ activities: z.array(Activity).max(ACTIVITIES_KEPT).optional() }),
};

export const ActivitiesClear = {
  request: z.object({}),
  response: ResponseBase.extend({ activities: z.array(Activity).optional() }),
};

/** Cancels any running or queued job of the caller: a download or a generation. */
export const ActivitiesCancel = {
  request: z.object({ activityId: z.uuid() }),
  response: ResponseBase.extend({ activityId: z.string().optional() }),
};
