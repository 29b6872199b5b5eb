/**
 * One prompt from submission to the name of its picture, or to a clear end.
 *
 * Events make it quick and the history makes it true: whatever the socket says or fails to say, the
 * result is what `/history` has. Silence, a new socket and every change of the queue are reasons to
 * ask. A cancel is repeated until ComfyUI no longer has the prompt.
 */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";
import { pause } from "../shared/abort.ts";
import { parseAnswer } from "../shared/answers.ts";
import { type BackendHttp, parseJson, refusal } from "../shared/backend-http.ts";
import type { ComfyEvent } from "./events.ts";
import { type PictureFile, promptState } from "./prompt-state.ts";
import type { Graph } from "./workflow.ts";

export interface PromptRunOptions {
  readonly http: BackendHttp;
  readonly clientId: string;
  readonly id: string;
  readonly graph: Graph;
  /** Fires when the job is canceled: the prompt is then removed or stopped. */
  readonly signal: AbortSignal;
  /** Between two questions while there is nothing to hear, in ms. */
  readonly askMs: number;
  /** How long ComfyUI may be unreachable, in ms. */
  readonly downMs: number;
  onPending(ahead: number): void;
}

/** A prompt that ended is in the history a moment later. */
const SOON_MS = 100;

const Accepted = z.looseObject({ prompt_id: z.string() });
const NodeError = z.looseObject({
  class_type: z.string().nullish(),
  errors: z
    .array(
      z.looseObject({
        type: z.string(),
        message: z.string().nullish(),
        details: z.string().nullish(),
      }),
    )
    .default([]),
});
const Refused = z.looseObject({ node_errors: z.record(z.string(), NodeError) });

export class PromptRun {
  readonly #options: PromptRunOptions;
  /** Ours, unless an older server drew one. */
  #id: string;
  #wake = new AbortController();
  #started = false;
  #over = false;

  constructor(options: PromptRunOptions) {
    this.#options = options;
    this.#id = options.id;
  }

  get id(): string {
    return this.#id;
  }

  get isRunning(): boolean {
    return this.#started && !this.#over;
  }

  /** What the socket said. */
  hear(event: ComfyEvent): void {
    if (event.kind === "status") {
      if (!this.#started) this.ask();
    } else if (event.promptId === this.#id) {
      this.#started = true;
      if (event.kind !== "ended") return;
      this.#over = true;
      this.ask();
    }
  }

  /** Looks at once how things stand. */
  ask(): void {
    this.#wake.abort();
  }

  /** @throws {BeelineError} what ComfyUI refuses or reports; the signal's reason when canceled. */
  async run(): Promise<PictureFile> {
    await this.#submit();
    const { http, askMs, downMs, signal } = this.#options;
    const wakeOnCancel = () => this.ask();
    signal.addEventListener("abort", wakeOnCancel);
    let reachedAt = performance.now();
    try {
      for (;;) {
        try {
          const state = await promptState(http, this.#id);
          reachedAt = performance.now();
          if (state.kind === "done" && !signal.aborted) return state.picture;
          if (state.kind === "failed" && !signal.aborted) throw state.error;
          const isThere = state.kind === "running" || state.kind === "pending";
          if (signal.aborted && !isThere) throw signal.reason;
          if (state.kind === "unknown") throw forgotten();
          if (state.kind === "pending") this.#options.onPending(state.ahead);
          if (signal.aborted) await this.#cancel(state.kind === "running");
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          if (performance.now() - reachedAt > downMs) throw error;
        }
        const soon = this.#over || signal.aborted;
        await pause(soon ? Math.min(SOON_MS, askMs) : askMs, this.#wake.signal);
        if (this.#wake.signal.aborted) this.#wake = new AbortController();
      }
    } finally {
      signal.removeEventListener("abort", wakeOnCancel);
    }
  }

  async #submit(): Promise<void> {
    const { http, clientId, id, graph, signal } = this.#options;
    const body = {
      prompt: graph,
      client_id: clientId,
      prompt_id: id,
      // Previews are off unless a server was started with them, or is asked like this.
      extra_data: { preview_method: "auto" },
    };
    const answer = await http.send("/prompt", { body, signal });
    if (answer.status === 400) throw refusedGraph(answer.bytes);
    if (answer.status !== 200) throw refusal(http.url, "/prompt", answer);
    this.#id = parseAnswer(Accepted, parseJson(answer.bytes, "/prompt"), "/prompt").prompt_id;
  }

  /** From the surest way to the oldest; an old interrupt hits whatever runs, so ours must. */
  async #cancel(isRunning: boolean): Promise<void> {
    const { http } = this.#options;
    const direct = await http.send(`/api/jobs/${this.#id}/cancel`, { method: "POST" });
    if (direct.status < 400) return;
    if (isRunning) await http.send("/interrupt", { body: { prompt_id: this.#id } });
    else await http.send("/queue", { body: { delete: [this.#id] } });
  }
}

function forgotten(): BeelineError {
  return new BeelineError(
    "BACKEND_FAILED",
    "ComfyUI no longer knows the job: it was restarted, or somebody removed it",
  );
}

function isUnreachable(error: unknown): boolean {
  return error instanceof BeelineError && error.code === "BACKEND_UNAVAILABLE";
}

/** Which input was refused, and what that means to the one who asked. */
function refusedGraph(bytes: Uint8Array): BeelineError {
  const refused = Refused.safeParse(parseJson(bytes, "/prompt"));
  const found = refused.success ? Object.values(refused.data.node_errors) : [];
  for (const { class_type, errors } of found) {
    for (const { type, message, details } of errors) {
      const words = `${class_type}: ${message ?? type}: ${(details ?? "").slice(0, 300)}`;
      if (type !== "value_not_in_list") return new BeelineError("BACKEND_FAILED", words);
      if (class_type === "CheckpointLoaderSimple")
        return new BeelineError("MODEL_NOT_FOUND", words);
      if (class_type === "KSampler") return new BeelineError("SAMPLER_NOT_FOUND", words);
      return new BeelineError("RESOURCE_NOT_FOUND", words);
    }
  }
  const text = Buffer.from(bytes).toString("utf8").slice(0, 300);
  return new BeelineError("BACKEND_FAILED", `ComfyUI refused the job: ${text}`);
}
