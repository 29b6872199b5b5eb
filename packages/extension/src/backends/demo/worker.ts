/**
 * The thread that draws: answers each message in turn, keeps one picture, and knows nothing else.
 *
 * Imports only files beside it, so that it starts quickly from sources as well as from a build.
 */

import { parentPort } from "node:worker_threads";
import type { Raster } from "../../images/raster.ts";
import { Drawing } from "./drawing.ts";
import type { Recipe } from "./recipe.ts";

export type DrawRequest =
  | { readonly kind: "begin"; readonly recipe: Recipe; readonly init: Raster | undefined }
  /** `previewSide` 0 asks for no preview. */
  | { readonly kind: "step"; readonly previewSide: number }
  | { readonly kind: "result" };

export type DrawReply =
  | { readonly kind: "begun" }
  | { readonly kind: "stepped"; readonly preview: Raster | undefined }
  | { readonly kind: "result"; readonly raster: Raster }
  | { readonly kind: "failed"; readonly message: string };

let drawing: Drawing | undefined;

function answer(request: DrawRequest): DrawReply {
  if (request.kind === "begin") {
    drawing = new Drawing(request.recipe, request.init);
    return { kind: "begun" };
  }
  if (drawing === undefined) throw new Error("no picture was begun");
  if (request.kind === "step") {
    drawing.step();
    const { previewSide } = request;
    return { kind: "stepped", preview: previewSide > 0 ? drawing.preview(previewSide) : undefined };
  }
  const raster = drawing.result();
  drawing = undefined;
  return { kind: "result", raster };
}

/** The buffer to hand over instead of copying. */
function transferOf(reply: DrawReply): ArrayBuffer[] {
  const raster =
    reply.kind === "result" ? reply.raster : reply.kind === "stepped" ? reply.preview : undefined;
  return raster?.data.buffer instanceof ArrayBuffer ? [raster.data.buffer] : [];
}

parentPort?.on("message", (request: DrawRequest) => {
  let reply: DrawReply;
  try {
    reply = answer(request);
  } catch (error) {
    reply = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply, transferOf(reply));
});
