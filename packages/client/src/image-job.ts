/** A generation as its caller sees it: updates to iterate over, a result to await, a way to cancel. */

import type { Clock, IncomingStream } from "@beeline/paths";
import {
  BeelineError,
  type ImageInfo,
  type ImageResponse,
  type PathKind,
  type StreamHeader,
} from "@beeline/protocol";
import type { ImageJob, ImageUpdate, LinkImage } from "./api.ts";
import type { CallHandlers, Calls, InputBlob } from "./calls.ts";
import { ImageAssembly } from "./image-assembly.ts";
import type { PartStore } from "./part-store.ts";
import { UpdateQueue } from "./update-queue.ts";

type ImageCommand = "image:txt2img" | "image:img2img";

/** Transfer updates of one image: ten a second move a bar smoothly. */
const TRANSFER_EVERY_MS = 100;
/** A damaged image is fetched again this often before the job fails. */
const REPAIRS = 1;
/** Image bytes are put away for a reload in pieces of this size: a tenth of a second at 40 Mbit/s. */
const SAVE_BYTES = 512 * 1024;
/** A cancel that nobody confirms (the extension is gone) takes effect here after this long. */
const CANCEL_LIMIT_MS = 5_000;

export interface ImageJobOptions {
  readonly id: string;
  readonly command: Readonly<Record<string, unknown>>;
  readonly type: ImageCommand;
  readonly inputs: readonly InputBlob[];
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly calls: Calls;
  /** Given when the job may be one that an earlier page started. */
  readonly parts: PartStore | undefined;
  readonly isResumable: boolean;
  /** Sends the cancel command. */
  readonly cancel: (id: string) => void;
}

export function startImageJob(options: ImageJobOptions): ImageJob {
  return new RunningImageJob(options);
}

class RunningImageJob implements ImageJob {
  readonly id: string;
  readonly result: Promise<{ readonly images: readonly LinkImage[] }>;
  readonly #options: ImageJobOptions;
  readonly #startedAtMs: number;
  readonly #updates = new UpdateQueue<ImageUpdate>(isReplacedBy);
  readonly #assemblies = new Map<number, ImageAssembly>();
  readonly #images = new Map<number, LinkImage>();
  #expected: readonly ImageInfo[] | undefined;
  #repairsLeft = REPAIRS;
  #isSettled = false;
  #isCanceled = false;
  #resolve: (result: { images: readonly LinkImage[] }) => void = () => {};
  #reject: (error: BeelineError) => void = () => {};

  constructor(options: ImageJobOptions) {
    this.id = options.id;
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever only iterates must not bring the page down with an unhandled rejection.
    this.result.catch(() => {});
    const handlers: CallHandlers<ImageCommand> = {
      onResponse: (response) => this.#onResponse(response),
      onImage: (header) => this.#onImage(header),
      onPreview: (header, bytes) => {
        const { index, mime } = header;
        this.#updates.push({ kind: "preview", index, mime, bytes });
      },
      have: () => this.#have(),
      onError: (error) => this.#settle(error),
    };
    if (options.signal?.aborted) {
      this.#settle(new BeelineError("CANCELED", "aborted before it was sent"));
      return;
    }
    options.signal?.addEventListener("abort", () => this.cancel(), { once: true });
    void this.#start(handlers);
  }

  async #start(handlers: CallHandlers<ImageCommand>): Promise<void> {
    const { id, type, calls, command, inputs, parts, isResumable } = this.#options;
    if (isResumable) await this.#restore(parts);
    if (this.#isSettled) return;
    if (this.#isCanceled) return this.#settle(new BeelineError("CANCELED", "canceled in time"));
    calls.start({ ...command, id, type }, inputs, handlers, false);
  }

  /** What an earlier page received of this job's images. */
  async #restore(parts: PartStore | undefined): Promise<void> {
    for (const { info, bytes } of (await parts?.load(this.id)) ?? []) {
      const assembly = new ImageAssembly(info);
      assembly.push(bytes, assembly.path);
      if (assembly.isComplete) await this.#onWhole(assembly, assembly.path);
      else this.#assemblies.set(info.index, assembly);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<ImageUpdate> {
    return this.#updates[Symbol.asyncIterator]();
  }

  cancel(): void {
    if (this.#isSettled || this.#isCanceled) return;
    this.#isCanceled = true;
    this.#options.cancel(this.id);
    this.#options.clock.after(CANCEL_LIMIT_MS, () =>
      this.#options.calls.fail(this.id, new BeelineError("CANCELED", "canceled here")),
    );
  }

  #onResponse(response: ImageResponse): void {
    const { status, progress, step, steps, etaMs, queuePosition } = response;
    this.#updates.push({ kind: "status", status, queuePosition });
    if (status === "processing" && progress !== undefined) {
      const kind = "progress";
      this.#updates.push({ kind, progress, step: step ?? 0, steps: steps ?? 0, etaMs });
    }
    if (status === "success") {
      this.#expected = response.images ?? [];
      this.#finishIfWhole();
    }
  }

  #onImage(header: Extract<StreamHeader, { kind: "image" }>): IncomingStream | undefined {
    const { info, offset } = header;
    if (this.#images.has(info.index)) return undefined;
    let assembly = this.#assemblies.get(info.index);
    if (assembly === undefined || assembly.info.sha256 !== info.sha256) {
      if (offset !== 0) return undefined;
      assembly = new ImageAssembly(info);
      this.#assemblies.set(info.index, assembly);
    }
    if (!assembly.continuesAt(offset)) return undefined;
    assembly.rewind(offset);
    const current = assembly;
    let toldAtMs = Number.NEGATIVE_INFINITY;
    let savedBytes = offset;
    return {
      onBytes: (bytes, path) => {
        current.push(bytes, path);
        if (current.received - savedBytes >= SAVE_BYTES) {
          this.#options.parts?.append(this.id, info, savedBytes, current.from(savedBytes));
          savedBytes = current.received;
        }
        const nowMs = this.#options.clock.nowMs();
        if (nowMs - toldAtMs < TRANSFER_EVERY_MS && !current.isComplete) return;
        toldAtMs = nowMs;
        const { received } = current;
        this.#updates.push({ kind: "transfer", index: info.index, received, size: info.size });
      },
      onEnd: () => void this.#onWhole(current, current.path),
    };
  }

  async #onWhole(assembly: ImageAssembly, path: PathKind): Promise<void> {
    const elapsedMs = this.#options.clock.nowMs() - this.#startedAtMs;
    const { info } = assembly;
    this.#assemblies.delete(info.index);
    try {
      const bytes = await assembly.finish();
      if (this.#isSettled || this.#images.has(info.index)) return;
      const image: LinkImage = { ...info, bytes, path, elapsedMs };
      this.#images.set(info.index, image);
      this.#updates.push({ kind: "image", image });
      this.#finishIfWhole();
    } catch (thrown) {
      if (this.#repairsLeft > 0) {
        this.#repairsLeft -= 1;
        this.#options.calls.again(this.id);
      } else {
        this.#options.calls.fail(this.id, BeelineError.from(thrown));
      }
    }
  }

  #have(): { index: number; offset: number }[] {
    const whole = [...this.#images.values()].map(({ index, size }) => ({ index, offset: size }));
    const parts = [...this.#assemblies.values()].map((part) => ({
      index: part.info.index,
      offset: part.received,
    }));
    return [...whole, ...parts];
  }

  #finishIfWhole(): void {
    const expected = this.#expected;
    if (expected === undefined || this.#isSettled) return;
    const images = expected.map((info) => this.#images.get(info.index));
    if (!images.every((image) => image !== undefined)) return;
    this.#options.calls.finish(this.id, true);
    this.#isSettled = true;
    this.#options.parts?.forget(this.id);
    this.#resolve({ images });
    this.#updates.end();
  }

  #settle(error: BeelineError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#options.parts?.forget(this.id);
    this.#reject(error);
    this.#updates.end();
  }
}

function isReplacedBy(older: ImageUpdate, newer: ImageUpdate): boolean {
  if (older.kind !== newer.kind) return false;
  if (older.kind === "transfer" && newer.kind === "transfer") return older.index === newer.index;
  if (older.kind === "status" && newer.kind === "status") return older.status === newer.status;
  return newer.kind === "preview" || newer.kind === "progress";
}
