/**
 * The drawing thread as seen from outside: ask, and a promise answers.
 *
 * Requests are answered in order, one picture at a time. A thread that dies fails what waits for it
 * and stays dead; its owner starts another.
 */

import { BeelineError } from "@beeline/protocol";
import type { Raster } from "../../images/raster.ts";
import { startThread } from "../../threads.ts";
import type { Recipe } from "./recipe.ts";
import type { DrawReply, DrawRequest } from "./worker.ts";

interface Waiting {
  readonly kind: DrawReply["kind"];
  resolve(reply: DrawReply): void;
  reject(error: BeelineError): void;
}

export class DrawingThread {
  readonly #worker = startThread("./worker", import.meta.url);
  readonly #waiting: Waiting[] = [];
  #failure: BeelineError | undefined;

  constructor() {
    this.#worker.on("message", (reply: DrawReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#die(error.message));
    this.#worker.on("exit", () => this.#die("the drawing thread has ended"));
  }

  /** Whether it can still draw. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /**
   * Begins a picture; what was unfinished before is dropped.
   * @throws {BeelineError} `BACKEND_FAILED`, as every method here.
   */
  async begin(recipe: Recipe, init: Raster | undefined): Promise<void> {
    await this.#ask({ kind: "begin", recipe, init }, "begun");
  }

  /** Draws one step and shows it at most `previewSide` pixels wide and high, unless that is 0. */
  async step(previewSide: number): Promise<Raster | undefined> {
    const { preview } = await this.#ask({ kind: "step", previewSide }, "stepped");
    return preview;
  }

  /** The picture, after its last step. */
  async result(): Promise<Raster> {
    const { raster } = await this.#ask({ kind: "result" }, "result");
    return raster;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask<Kind extends DrawReply["kind"]>(
    request: DrawRequest,
    kind: Kind,
  ): Promise<Extract<DrawReply, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({
        kind,
        resolve: (reply) => resolve(reply as Extract<DrawReply, { kind: Kind }>),
        reject,
      });
      this.#worker.postMessage(request);
    });
  }

  #settle(reply: DrawReply): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return;
    if (reply.kind === waiting.kind) return waiting.resolve(reply);
    const why = reply.kind === "failed" ? reply.message : `unexpected answer ${reply.kind}`;
    waiting.reject(new BeelineError("BACKEND_FAILED", `the demo renderer failed: ${why}`));
  }

  #die(why: string): void {
    this.#failure ??= new BeelineError("BACKEND_FAILED", `the demo renderer failed: ${why}`);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}
