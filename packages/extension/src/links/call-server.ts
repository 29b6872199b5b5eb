/**
 * Calls of one session, served by the command service: a call stream becomes a command, what the
 * service says becomes a reply stream, and pictures become blobs.
 *
 * Nothing here outlives the session; jobs and results do, in the service.
 */

import type { BlobStream, Exchange, IncomingStream, MessageStream } from "@beeline/paths";
import {
  BeelineError,
  errorResponse,
  type ImageInfo,
  MAX_INPUT_IMAGE_BYTES,
  PRIORITY,
  STREAM_CODES,
  type StreamHeader,
} from "@beeline/protocol";
import type {
  Caller,
  Changed,
  CommandService,
  InputBlobs,
  StoredImage,
  Subscriber,
} from "../service.ts";

/** Progress is left out while the client is this far behind; the newest state follows anyway. */
const REPLY_BACKLOG_BYTES = 32 * 1024;
/** Input pictures of one call, all together. */
const MAX_INPUTS_BYTES = 2 * MAX_INPUT_IMAGE_BYTES;
/** An input picture that stops arriving does not keep a job waiting for ever. */
const INPUT_TIMEOUT_MS = 120_000;

/** A response this large is a list: it must not delay commands. */
const LIST_COMMANDS = new Set(["resources:list", "activities:list"]);

type CallHeader = Extract<StreamHeader, { kind: "call" }>;
type InputHeader = Extract<StreamHeader, { kind: "input" }>;

export class CallServer {
  readonly #service: CommandService;
  readonly #exchange: Exchange;
  readonly #caller: Caller;
  readonly #running = new Map<string, RunningCall>();
  readonly #inputs = new Map<string, Inputs>();

  constructor(service: CommandService, exchange: Exchange, caller: Caller) {
    this.#service = service;
    this.#exchange = exchange;
    this.#caller = caller;
  }

  /** Some call of this client is being worked on. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  accept(header: StreamHeader): IncomingStream | undefined {
    switch (header.kind) {
      case "call":
        return { onMessage: (message) => this.#call(header, message) };
      case "input":
        return this.#inputsOf(header.id).accept(header);
      case "taken":
        this.#service.acknowledge(header.id, this.#caller);
        return {};
      default:
        return undefined;
    }
  }

  push(changed: Changed): void {
    try {
      this.#exchange.openMessages({ kind: "push", changed }, PRIORITY.control).end();
    } catch {
      // The session is closing or choked: a page that comes back asks anyway.
    }
  }

  /** The session is over, or closing: nobody listens any more. Jobs go on. */
  end(): void {
    for (const call of this.#running.values()) call.detach();
    this.#running.clear();
    for (const inputs of this.#inputs.values()) inputs.end();
    this.#inputs.clear();
  }

  #call(header: CallHeader, message: unknown): void {
    const { id } = header;
    // The header's id is the one that answers are found by; the command must mean the same.
    const command: Record<string, unknown> = { ...(message as object), id };
    this.#running.get(id)?.detach();
    const type = typeof command.type === "string" ? command.type : "";
    let call: RunningCall;
    try {
      call = new RunningCall(this.#exchange, id, type, header.have);
    } catch {
      // No stream can be opened: the client has 256 calls open, or is closing. It asks again.
      return;
    }
    this.#running.set(id, call);
    call.start(
      this.#service.handle(command, this.#caller, this.#inputsOf(id), {
        response: (response, isFinal) => {
          call.response(response, isFinal);
          if (!isFinal) return;
          if (this.#running.get(id) === call) this.#running.delete(id);
          this.#inputs.get(id)?.end();
          this.#inputs.delete(id);
        },
        preview: (preview) => call.preview(preview),
        image: (image) => call.image(image),
      }),
    );
  }

  #inputsOf(id: string): Inputs {
    const known = this.#inputs.get(id);
    if (known !== undefined) return known;
    const inputs = new Inputs();
    this.#inputs.set(id, inputs);
    return inputs;
  }
}

class RunningCall implements Subscriber {
  readonly #exchange: Exchange;
  readonly #id: string;
  readonly #reply: MessageStream;
  readonly #have: ReadonlyMap<number, number>;
  readonly #images: BlobStream[] = [];
  #preview: BlobStream | undefined;
  #stopListening: () => void = () => {};
  #isDetached = false;

  constructor(exchange: Exchange, id: string, type: string, have: CallHeader["have"]) {
    this.#exchange = exchange;
    this.#id = id;
    this.#have = new Map(have.map(({ index, offset }) => [index, offset]));
    const priority = LIST_COMMANDS.has(type) ? PRIORITY.interactive : PRIORITY.control;
    this.#reply = exchange.openMessages({ kind: "reply", id }, priority);
  }

  start(stopListening: () => void): void {
    if (this.#isDetached) stopListening();
    else this.#stopListening = stopListening;
  }

  /** Someone else took this call over, or nobody listens: what is under way is given up. */
  detach(): void {
    this.#isDetached = true;
    this.#stopListening();
    this.#reply.reset(STREAM_CODES.closing);
    this.#preview?.reset(STREAM_CODES.stale);
    for (const image of this.#images) image.reset(STREAM_CODES.closing);
  }

  response(response: Readonly<Record<string, unknown>>, isFinal: boolean): void {
    if (this.#isDetached) return;
    if (!isFinal && this.#reply.backlogBytes > REPLY_BACKLOG_BYTES) return;
    try {
      this.#reply.send(response);
    } catch (thrown) {
      const base = { id: this.#id, type: String(response.type) };
      const error = BeelineError.from(thrown);
      this.#reply.send(errorResponse(base, error, new Date().toISOString()));
    }
    if (!isFinal) return;
    this.#preview?.reset(STREAM_CODES.stale);
    this.#reply.end();
  }

  preview(preview: { index: number; mime: string; bytes: Uint8Array }): void {
    if (this.#isDetached) return;
    // Only the newest is worth sending.
    this.#preview?.reset(STREAM_CODES.stale);
    const { index, mime, bytes } = preview;
    const size = bytes.byteLength;
    this.#preview = this.#exchange.sendBlob(
      { kind: "preview", id: this.#id, index, mime, size },
      PRIORITY.interactive,
      { size, read: async (offset, length) => bytes.subarray(offset, offset + length) },
    );
  }

  image(image: StoredImage): void {
    if (this.#isDetached) return;
    const { info } = image;
    const offset = this.#offsetOf(info);
    if (offset === undefined) return;
    this.#images.push(
      this.#exchange.sendBlob(
        { kind: "image", id: this.#id, info, offset },
        PRIORITY.bulk,
        { size: info.size, read: (from, length) => image.read(from, length) },
        offset,
      ),
    );
  }

  /** Where to continue; undefined when the client has the image whole. */
  #offsetOf(info: ImageInfo): number | undefined {
    const offset = this.#have.get(info.index) ?? 0;
    return offset < info.size ? offset : undefined;
  }
}

/** Input pictures of one call: those that have arrived, and those somebody waits for. */
class Inputs implements InputBlobs {
  readonly #arrived = new Map<number, Uint8Array>();
  readonly #waiting = new Map<number, (outcome: Uint8Array | BeelineError) => void>();
  #bytes = 0;
  #isOver = false;

  accept(header: InputHeader): IncomingStream | undefined {
    if (this.#isOver || this.#arrived.has(header.blob)) return undefined;
    if (this.#bytes + header.size > MAX_INPUTS_BYTES) return undefined;
    this.#bytes += header.size;
    const bytes = new Uint8Array(header.size);
    let at = 0;
    return {
      onBytes: (part) => {
        if (at + part.byteLength > bytes.byteLength) {
          throw new BeelineError("IMAGE_CORRUPT", "an input picture longer than announced");
        }
        bytes.set(part, at);
        at += part.byteLength;
      },
      onEnd: () => {
        if (at !== bytes.byteLength) {
          return this.#settle(header.blob, new BeelineError("IMAGE_CORRUPT", "it ended early"));
        }
        this.#arrived.set(header.blob, bytes);
        this.#settle(header.blob, bytes);
      },
      onReset: () =>
        this.#settle(header.blob, new BeelineError("SESSION_CLOSED", "it was given up")),
    };
  }

  read(blob: number): Promise<Uint8Array> {
    const arrived = this.#arrived.get(blob);
    if (arrived !== undefined) return Promise.resolve(arrived);
    const gone = new BeelineError("SESSION_CLOSED", "the input picture did not arrive");
    if (this.#isOver) return Promise.reject(gone);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(blob, gone), INPUT_TIMEOUT_MS);
      this.#waiting.set(blob, (outcome) => {
        clearTimeout(timer);
        if (outcome instanceof BeelineError) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  end(): void {
    this.#isOver = true;
    this.#arrived.clear();
    const gone = new BeelineError("SESSION_CLOSED", "the session ended first");
    for (const blob of [...this.#waiting.keys()]) this.#settle(blob, gone);
  }

  #settle(blob: number, outcome: Uint8Array | BeelineError): void {
    const waiter = this.#waiting.get(blob);
    this.#waiting.delete(blob);
    waiter?.(outcome);
  }
}
