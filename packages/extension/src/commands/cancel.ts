/**
 * `activities:cancel` and `resources:add:cancel`: stopping one's own jobs.
 *
 * The answer comes when the job has ended and says what it came to, so a cancel that is late or
 * repeated is answered like the first one. Jobs of other clients are unknown here.
 */

import { BeelineError, type ResourceProgress } from "@beeline/protocol";
import type { Jobs } from "../jobs/jobs.ts";
import { type JobResponse, LiveJob } from "../jobs/live-job.ts";
import type { CommandOf, Fields } from "./command-table.ts";
import type { Adds } from "./resource-add.ts";

/** @throws {BeelineError} `JOB_UNKNOWN` */
export async function cancelActivity(
  activityId: string,
  owner: string,
  jobs: Jobs,
): Promise<Fields<"activities:cancel">> {
  const job = jobs.find(activityId.toLowerCase(), owner);
  if (job instanceof LiveJob) job.abort(new BeelineError("CANCELED", "canceled on request"));
  const response = await finalResponse(job);
  const { error } = response as Fields<"activities:cancel">;
  // A job that is canceled is a cancel that succeeded.
  if (response.status !== "error" || error === undefined) return { status: "success", activityId };
  return { status: "error", activityId, error };
}

/** @throws {BeelineError} `JOB_UNKNOWN`, `RESOURCE_NOT_FOUND` */
export async function cancelAdd(
  command: CommandOf<"resources:add:cancel">,
  owner: string,
  jobs: Jobs,
  adds: Adds,
): Promise<Fields<"resources:add:cancel">> {
  const { activityId = command.id, resources } = command.fields;
  const id = activityId.toLowerCase();
  const job = jobs.find(id, owner);
  if ((job instanceof LiveJob ? job.identity.type : job.type) !== "resources:add") {
    throw new BeelineError("JOB_UNKNOWN", `the job ${activityId} adds no resources`);
  }
  const response = job instanceof LiveJob && !job.hasEnded ? job.latest : await finalResponse(job);
  const known = (response?.resources ?? []) as readonly ResourceProgress[];
  return { status: "success", resources: await adds.cancel(id, resources, known) };
}

async function finalResponse(job: ReturnType<Jobs["find"]>): Promise<JobResponse> {
  if (job instanceof LiveJob) return job.ended;
  // A stored job without a response is one that the next start will settle.
  return (job.response as JobResponse | undefined) ?? { status: "error" };
}
