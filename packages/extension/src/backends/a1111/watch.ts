/**
 * Looks at a running request from beside it: whose turn it is, how far it is, and whether anything
 * still lives there.
 *
 * The program's progress is one for everybody, so it counts as ours only when it names our task, or,
 * where tasks have no names (SD.Next), when it is of another job than the one found running before.
 */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";
import { pause } from "../shared/abort.ts";
import { base64Bytes } from "../shared/answers.ts";
import type { BackendHttp } from "../shared/backend-http.ts";
import type { Dialect } from "./dialect.ts";

/** SD.Next counts requests by the minute: waits that double up to this pass one. */
const MAX_WAIT_MS = 30_000;

const Num = z.number().nullish();
const Task = z.looseObject({
  active: z.boolean(),
  queued: z.boolean(),
  completed: z.boolean(),
  progress: Num,
  live_preview: z.string().nullish(),
  id_live_preview: Num,
  textinfo: z.string().nullish(),
});
const Everybody = z.looseObject({
  progress: z.number(),
  state: z.looseObject({
    job_count: Num,
    job_timestamp: z.union([z.string(), z.number()]).nullish(),
    sampling_step: Num,
    sampling_steps: Num,
    interrupted: z.boolean().nullish(),
    skipped: z.boolean().nullish(),
  }),
  current_image: z.string().nullish(),
  current_task: z.string().nullish(),
});

/** One look. */
export interface Sight {
  /** `idle` while our request is open means that the program has lost it, or is about to answer. */
  readonly state: "ours" | "queued" | "idle";
  /** Others before us, if known. */
  readonly ahead: number;
  /** 0 to 1 of this request. */
  readonly fraction: number;
  readonly preview: Uint8Array | undefined;
}

export class Watch {
  readonly #http: BackendHttp;
  readonly #dialect: Dialect;
  readonly #taskId: string;
  #previewId = -1;
  /** The address that knows tasks is missing under --nowebui. */
  #knowsTasks: boolean;
  #othersTimestamp: string | undefined;

  constructor(http: BackendHttp, dialect: Dialect, taskId: string) {
    this.#http = http;
    this.#dialect = dialect;
    this.#taskId = taskId;
    this.#knowsTasks = dialect.taskIds;
  }

  /** To be called before the request is sent: remembers whose job is running then. */
  async begin(): Promise<void> {
    if (this.#dialect.taskIds) return;
    const { state } = await this.#everybody(true);
    if (isBusy(state)) this.#othersTimestamp = stamp(state);
  }

  async look(): Promise<Sight> {
    return (this.#knowsTasks ? await this.#ourTask() : undefined) ?? this.#anyTask();
  }

  /**
   * Whether the job that ended last, begun at `jobTimestamp`, was stopped by somebody.
   * @throws {BeelineError} when the program does not say: then its picture may be half a one.
   */
  async wasStopped(jobTimestamp: string | undefined): Promise<boolean> {
    const { state } = await this.#everybodyInTheEnd();
    const isSame = jobTimestamp === undefined || stamp(state) === jobTimestamp;
    return isSame && (state.interrupted === true || state.skipped === true);
  }

  /** Stops what runs now. Only to be called when that is ours. */
  async interrupt(): Promise<void> {
    await this.#http.send("/sdapi/v1/interrupt", { method: "POST" });
  }

  async #ourTask(): Promise<Sight | undefined> {
    const answer = await this.#http.jsonIfThere("/internal/progress", {
      body: { id_task: this.#taskId, id_live_preview: this.#previewId, live_preview: true },
    });
    const task = Task.safeParse(answer);
    if (!task.success) {
      this.#knowsTasks = false;
      return undefined;
    }
    const { active, queued, progress, live_preview, id_live_preview, textinfo } = task.data;
    if (active && id_live_preview != null) this.#previewId = id_live_preview;
    return {
      state: active ? "ours" : queued ? "queued" : "idle",
      ahead: Number(/^In queue: (\d+)\//.exec(textinfo ?? "")?.[1] ?? 1),
      fraction: progress ?? 0,
      preview: active && live_preview ? base64Bytes(live_preview) : undefined,
    };
  }

  async #anyTask(): Promise<Sight> {
    const { state, progress, current_image, current_task } = await this.#everybody(false);
    const fraction =
      state.sampling_steps && state.sampling_step != null
        ? state.sampling_step / state.sampling_steps
        : progress;
    if (!isBusy(state)) return { state: "idle", ahead: 0, fraction: 0, preview: undefined };
    const isOurs =
      current_task != null
        ? current_task === this.#taskId
        : this.#othersTimestamp === undefined || stamp(state) !== this.#othersTimestamp;
    if (!isOurs) return { state: "queued", ahead: 1, fraction: 0, preview: undefined };
    const preview = current_image ? base64Bytes(current_image) : undefined;
    return { state: "ours", ahead: 0, fraction, preview };
  }

  /** Asks again when it is turned away: this answer decides whether a picture counts. */
  async #everybodyInTheEnd(): Promise<z.output<typeof Everybody>> {
    for (let waitMs = this.#dialect.pollMs; ; waitMs *= 2) {
      try {
        return await this.#everybody(true);
      } catch (error) {
        if (waitMs > MAX_WAIT_MS) throw error;
        await pause(waitMs);
      }
    }
  }

  async #everybody(skipImage: boolean): Promise<z.output<typeof Everybody>> {
    const path = `/sdapi/v1/progress?skip_current_image=${skipImage}`;
    const parsed = Everybody.safeParse(await this.#http.json(path));
    if (parsed.success) return parsed.data;
    throw new BeelineError("BACKEND_FAILED", "what it says of its progress cannot be understood");
  }
}

function isBusy({ job_count }: { job_count?: number | null | undefined }): boolean {
  // -1 while it prepares.
  return job_count != null && job_count !== 0;
}

function stamp(state: { job_timestamp?: string | number | null | undefined }): string | undefined {
  return state.job_timestamp == null ? undefined : String(state.job_timestamp);
}
