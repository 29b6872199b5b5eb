/**
 * HTTP as backends need it: to one address, with the owner's credentials, and no clock on answers.
 *
 * A picture may take an hour, so neither headers nor bodies time out by themselves; whoever asks for
 * something quick says how long it may take. Redirects are not followed and no Origin is sent, so a
 * backend's own guards see a plain local program. Credentials never reach an error or a log.
 */

import { BeelineError } from "@beeline/protocol";
import { Agent, type Dispatcher, errors, type FormData, request } from "undici";

/** What a backend answers when nothing is drawn: in milliseconds, even while it loads a model. */
export const QUICK_MS = 15_000;
/** Lists of thousands of models with their metadata. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** Eight pictures of 2048² as base64 are about 100 MB. */
export const MAX_PICTURES_BYTES = 512 * 1024 * 1024;
/** A connection to this machine or its neighbour opens at once or never. */
const CONNECT_MS = 5_000;

export interface BackendAddress {
  /** Without a path's last slash, without credentials. */
  readonly url: string;
  /** Sent with every request: Authorization and whatever else the owner's set-up wants. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  /** Sent as JSON, or as it is when it is a form. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long the whole exchange may take; undefined: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  readonly maxBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

export class BackendHttp {
  readonly #agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_MS },
  });
  readonly #address: BackendAddress;

  constructor(address: BackendAddress) {
    this.#address = address;
  }

  get url(): string {
    return this.#address.url;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#address.headers;
  }

  /**
   * Any answer, whatever its status.
   * @throws {BeelineError} `BACKEND_UNAVAILABLE`; the signal's reason once it fired.
   */
  async send(path: string, asked: HttpRequest = {}): Promise<HttpAnswer> {
    const { body, signal, maxBytes = MAX_LIST_BYTES } = asked;
    const timeoutMs = "timeoutMs" in asked ? asked.timeoutMs : QUICK_MS;
    const limits = [signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)];
    const both = AbortSignal.any(limits.filter((limit) => limit !== undefined));
    const isForm = body !== undefined && typeof (body as FormData).append === "function";
    const json = body === undefined || isForm ? undefined : JSON.stringify(body);
    try {
      const answer = await request(`${this.url}${path}`, {
        dispatcher: this.#agent,
        method: asked.method ?? (body === undefined ? "GET" : "POST"),
        headers: { ...this.headers, ...(json && { "content-type": "application/json" }) },
        body: isForm ? (body as FormData) : (json ?? null),
        signal: both,
      });
      const bytes = await readBody(answer, maxBytes);
      return { status: answer.statusCode, headers: answer.headers, bytes };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof BeelineError) throw error;
      throw unreachable(this.url, error, timeoutMs);
    }
  }

  /**
   * The JSON of a successful answer.
   * @throws {BeelineError} as {@link send}, and {@link refusal} for any status that is no success.
   */
  async json(path: string, asked: HttpRequest = {}): Promise<unknown> {
    const answer = await this.send(path, asked);
    if (answer.status < 200 || answer.status > 299) throw refusal(this.url, path, answer);
    return answer.bytes.length === 0 ? undefined : parseJson(answer.bytes, path);
  }

  /** The JSON of an answer, or undefined when the backend has no such address. */
  async jsonIfThere(path: string, asked: HttpRequest = {}): Promise<unknown> {
    const answer = await this.send(path, asked);
    if (answer.status === 404 || answer.status === 405) return undefined;
    if (answer.status < 200 || answer.status > 299) throw refusal(this.url, path, answer);
    return parseJson(answer.bytes, path);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** JSON text as a value. @throws {BeelineError} `BACKEND_FAILED` for anything else. */
export function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    const said = wordsOf(bytes);
    throw new BeelineError("BACKEND_FAILED", `the answer to ${path} is not JSON: ${said}`, {
      cause: error,
    });
  }
}

/** What a status that is no success means, in the backend's own words. */
export function refusal(url: string, path: string, answer: HttpAnswer): BeelineError {
  const { status } = answer;
  const said = wordsOf(answer.bytes);
  if (status === 401 || status === 403) {
    return new BeelineError(
      "BACKEND_UNAVAILABLE",
      `${url} asks for credentials (${status}); set BEELINE_BACKEND_AUTH or BEELINE_BACKEND_TOKEN`,
    );
  }
  if (status === 413) {
    return new BeelineError("LIMIT_EXCEEDED", `the backend takes no request that large: ${said}`);
  }
  if (status === 429) return new BeelineError("QUEUE_FULL", `the backend is too busy: ${said}`);
  if (status === 502 || status === 503 || status === 504) {
    return new BeelineError("BACKEND_UNAVAILABLE", `${url} is not ready (${status}): ${said}`);
  }
  return failure(said === "" ? `${path} answered ${status}` : said);
}

/** The backend's words for a failure, with what to do about the one that everybody meets. */
export function failure(words: string): BeelineError {
  const said = words.slice(0, MAX_WORDS);
  const outOfMemory = /out of memory|outofmemory|cuda error|alloc(?:ate|ation)? .*fail/i.test(
    words,
  );
  return new BeelineError(
    "BACKEND_FAILED",
    outOfMemory ? `it ran out of memory; ask for a smaller picture or batch: ${said}` : said,
  );
}

/** Enough to recognise an error by; the rest is traceback. */
const MAX_WORDS = 500;

/** The sentence in an error's body: FastAPI, ComfyUI and sd-server each have their own place. */
function wordsOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 64 * 1024)).toString("utf8");
  try {
    return sentences(JSON.parse(text)).join(": ").slice(0, MAX_WORDS);
  } catch {
    return text
      .replace(/<[^>]*>/g, " ")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, MAX_WORDS);
  }
}

function sentences(value: unknown): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  const { error, errors: list, detail, details, message } = value as Record<string, unknown>;
  const found = [error, message, detail, details, list].flatMap(sentences);
  return [...new Set(found)];
}

async function readBody(answer: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body) {
    size += (part as Buffer).length;
    if (size > maxBytes) {
      answer.body.destroy();
      throw new BeelineError("BACKEND_FAILED", `the answer is larger than ${maxBytes} bytes`);
    }
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function unreachable(url: string, error: unknown, timeoutMs: number | undefined): BeelineError {
  const { code, name, message } = error as NodeJS.ErrnoException;
  const why =
    name === "TimeoutError"
      ? `did not answer within ${(timeoutMs ?? 0) / 1000} s`
      : error instanceof errors.SocketError
        ? "broke off in mid-answer"
        : `cannot be reached (${code ?? message})`;
  return new BeelineError("BACKEND_UNAVAILABLE", `${url} ${why}`, { cause: error });
}
