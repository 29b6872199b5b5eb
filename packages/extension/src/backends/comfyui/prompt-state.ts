/**
 * How a prompt stands, asked over HTTP: the truth, when the socket was silent or broken.
 *
 * `/history` says nothing of what is unknown and of what still runs alike, so the queue is asked
 * too, and the history once more: a prompt may end between the two.
 */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";
import { parseAnswer } from "../shared/answers.ts";
import { type BackendHttp, failure } from "../shared/backend-http.ts";
import { RESULT_NODE } from "./workflow.ts";

const Image = z.looseObject({
  filename: z.string(),
  subfolder: z.string().default(""),
  type: z.string().default("temp"),
});
const History = z.record(
  z.string(),
  z.looseObject({
    status: z
      .looseObject({
        status_str: z.string().nullish(),
        completed: z.boolean().nullish(),
        messages: z.array(z.tuple([z.string(), z.unknown()])).default([]),
      })
      .nullish(),
    outputs: z.record(z.string(), z.looseObject({ images: z.array(Image).nullish() })).default({}),
  }),
);
type Past = z.output<typeof History>[string];
const Item = z.tuple([z.number(), z.string()]).rest(z.unknown());
const Queue = z.looseObject({ queue_running: z.array(Item), queue_pending: z.array(Item) });

export type PictureFile = z.output<typeof Image>;

export type PromptState =
  | { readonly kind: "done"; readonly picture: PictureFile }
  | { readonly kind: "failed"; readonly error: BeelineError }
  | { readonly kind: "running" }
  | { readonly kind: "pending"; readonly ahead: number }
  /** Never heard of it: removed by somebody, or the server was restarted. */
  | { readonly kind: "unknown" };

export async function promptState(http: BackendHttp, id: string): Promise<PromptState> {
  const past = await history(http, id);
  if (past !== undefined) return outcome(past);
  const path = "/queue";
  const queue = parseAnswer(Queue, await http.json(path), path);
  if (queue.queue_running.some((item) => item[1] === id)) return { kind: "running" };
  const mine = queue.queue_pending.find((item) => item[1] === id);
  if (mine !== undefined) {
    const before = queue.queue_pending.filter((item) => item[0] < mine[0]).length;
    return { kind: "pending", ahead: queue.queue_running.length + before };
  }
  const late = await history(http, id);
  return late === undefined ? { kind: "unknown" } : outcome(late);
}

async function history(http: BackendHttp, id: string): Promise<Past | undefined> {
  const path = `/history/${id}`;
  return parseAnswer(History, await http.json(path), path)[id];
}

function outcome({ status, outputs }: Past): PromptState {
  for (const [event, data] of status?.messages ?? []) {
    if (event === "execution_interrupted") {
      const words = "somebody stopped the drawing in ComfyUI";
      return { kind: "failed", error: new BeelineError("BACKEND_FAILED", words) };
    }
    if (event === "execution_error") return { kind: "failed", error: failure(errorWords(data)) };
  }
  const picture = outputs[RESULT_NODE]?.images?.[0];
  if (picture !== undefined && status?.status_str !== "error") return { kind: "done", picture };
  return { kind: "failed", error: failure("ComfyUI ended the job without a picture") };
}

function errorWords(data: unknown): string {
  const { exception_message, exception_type, node_type } = data as Record<string, unknown>;
  return [node_type, exception_type, exception_message]
    .filter((part) => typeof part === "string" && part !== "")
    .join(": ");
}
