/**
 * Downloads one model file: all of it, the one that its hash promises, or nothing.
 *
 * Bytes go to a part file and are hashed on the way. A cut connection is resumed by `Range` with
 * `If-Range`, so a file that changed meanwhile begins again instead of becoming a mixture. Only a
 * file with the right SHA-256 and a sound safetensors header gets its name. Afterwards either the
 * file is in its place, or the part waits for another try, or (cancelled, wrong) nothing is left.
 *
 * Runs one download; downloads.ts decides how many and reports them.
 */

import { lstat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BeelineError, type ErrorCode } from "@beeline/protocol";
import { checkFileName } from "./file-name.ts";
import { asFetchError, type Fetched, type GuardedFetch } from "./guarded-fetch.ts";
import { hashFile } from "./hash-index.ts";
import { PartFile, type PartSource } from "./part-file.ts";
import { checkHeader, headerLength, MAGIC_BYTES, PREFIX_BYTES } from "./safetensors.ts";

export interface DownloadLimits {
  /** Bytes of one file. */
  readonly maxBytes: number;
  /** Bytes that stay free on the disk. */
  readonly freeMargin: number;
  /** Tries in a row that brought nothing. */
  readonly attempts: number;
  /** Before the second try; doubles with each. */
  readonly retryDelayMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  // Twice the largest checkpoints people use (32 GB).
  maxBytes: 64 * 1024 ** 3,
  freeMargin: 1024 ** 3,
  attempts: 4,
  retryDelayMs: 1_000,
};

export interface DownloadTask {
  readonly url: string;
  /** In lower case. */
  readonly sha256: string;
  readonly name: string;
  /** A real path; the file ends directly in it. */
  readonly folder: string;
}

export interface DownloadPort {
  readonly fetch: GuardedFetch;
  readonly limits: DownloadLimits;
  readonly signal: AbortSignal;
  /** Called for every piece that arrives; `total` is unknown where the server does not say. */
  onBytes(received: number, total: number | undefined): void;
}

/** After these there is no use for the part: it is wrong, or nobody wants it. */
const DISCARD: ReadonlySet<ErrorCode> = new Set(["CANCELED", "HASH_MISMATCH", "FILE_REFUSED"]);

/**
 * @returns the path of the file.
 * @throws {BeelineError} `NAME_REFUSED`, `URL_REFUSED`, `DOWNLOAD_FAILED`, `LIMIT_EXCEEDED`,
 * `DISK_FULL`, `HASH_MISMATCH`, `FILE_REFUSED`, or the reason of the signal.
 */
export async function downloadFile(task: DownloadTask, port: DownloadPort): Promise<string> {
  checkFileName(task.name);
  const target = join(task.folder, task.name);
  if (await isTaken(target)) {
    // Files are hashed in the background: this one may be it, not reached yet.
    if ((await hashFile(target, port.signal)) === task.sha256) return target;
    throw nameTaken(task.name);
  }
  const part = await PartFile.open(task.folder, task.sha256);
  try {
    await transferAll(part, task, port);
    await verify(part, task);
    if (await isTaken(target)) throw nameTaken(task.name);
    await part.moveTo(target);
    return target;
  } catch (thrown) {
    const error = port.signal.aborted ? BeelineError.from(port.signal.reason) : thrown;
    if (error instanceof BeelineError && DISCARD.has(error.code)) await part.discard();
    else await part.close();
    throw error;
  }
}

async function transferAll(part: PartFile, task: DownloadTask, port: DownloadPort): Promise<void> {
  for (let failures = 0; ; ) {
    const before = part.size;
    const cut = await transfer(part, task, port);
    if (cut === undefined) return;
    failures = part.size > before ? 1 : failures + 1;
    if (failures >= port.limits.attempts) throw cut;
    const pause = port.limits.retryDelayMs * 2 ** (failures - 1);
    await delay(pause, undefined, { signal: port.signal });
  }
}

/**
 * One request. Resolves with undefined when the part is complete, with an error when another
 * request may help; throws when none will.
 */
async function transfer(
  part: PartFile,
  task: DownloadTask,
  port: DownloadPort,
): Promise<BeelineError | undefined> {
  let answer: Fetched;
  try {
    answer = await port.fetch.get(task.url, { headers: resumeHeaders(part), signal: port.signal });
  } catch (error) {
    return temporary(error, port.signal);
  }
  try {
    const total = await beginBody(part, task.url, answer);
    if (total instanceof BeelineError) return total;
    if (total === part.size) return undefined;
    await checkRoom(part, task.folder, total, port.limits);
    await receive(part, answer, total, port);
    if (total === undefined || part.size === total) return undefined;
    return failed(`the connection ended after ${part.size} of ${total} bytes`);
  } catch (error) {
    return temporary(error, port.signal);
  } finally {
    answer.body.destroy();
  }
}

function resumeHeaders(part: PartFile): Record<string, string> {
  const validator = part.source?.validator;
  if (part.size === 0 || validator === undefined) return {};
  return { range: `bytes=${part.size}-`, "if-range": validator };
}

/** Makes the part fit the answer. Gives the size of the whole file, or why to ask again. */
async function beginBody(
  part: PartFile,
  url: string,
  answer: Fetched,
): Promise<number | undefined | BeelineError> {
  const { status, headers } = answer;
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
    const total = Number(range?.[2]);
    const fits = Number(range?.[1]) === part.size && total === (part.source?.size ?? total);
    if (fits) return total;
    await part.restart({ url });
    return failed("the server sent another range than it was asked for");
  }
  if (status === 416) {
    const total = Number(/^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1]);
    if (total === part.size) return total;
    await part.restart({ url });
    return failed("the server does not have the rest of the file");
  }
  if (status === 408 || status === 429 || status >= 500) {
    return failed(`the server answered with status ${status}`);
  }
  if (status === 401 || status === 403) {
    throw failed(`the server wants a login for this file (status ${status})`);
  }
  if (status !== 200) throw failed(`the server answered with status ${status}`);
  if (
    /^(?:text\/html|application\/(?:json|xhtml\+xml))\b/i.test(headers.get("content-type") ?? "")
  ) {
    throw failed("the server sent a page instead of the file; it may want a login");
  }
  const source = sourceOf(url, headers);
  await part.restart(source);
  return source.size;
}

function sourceOf(url: string, headers: ReadonlyMap<string, string>): PartSource {
  const etag = headers.get("etag");
  const validator = etag?.startsWith('"') ? etag : headers.get("last-modified");
  const length = headers.get("content-length");
  return {
    url,
    ...(validator !== undefined && { validator }),
    ...(length !== undefined && /^\d{1,15}$/.test(length) && { size: Number(length) }),
  };
}

async function checkRoom(
  part: PartFile,
  folder: string,
  total: number | undefined,
  limits: DownloadLimits,
): Promise<void> {
  if (total !== undefined && total > limits.maxBytes) throw tooLarge(limits);
  const disk = await statfs(folder);
  const missing = Math.max(0, (total ?? 0) - part.size);
  if (disk.bavail * disk.bsize < missing + limits.freeMargin) {
    throw new BeelineError("DISK_FULL", `${missing} bytes are needed where the models are kept`);
  }
}

async function receive(
  part: PartFile,
  answer: Fetched,
  total: number | undefined,
  port: DownloadPort,
): Promise<void> {
  let checked = part.size >= MAGIC_BYTES;
  port.onBytes(part.size, total);
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    port.signal.throwIfAborted();
    const bytes = part.size + chunk.length;
    if (bytes > port.limits.maxBytes) throw tooLarge(port.limits);
    if (bytes > (total ?? bytes))
      throw failed(`the server sent more than the ${total} bytes it said`);
    await part.append(chunk);
    if (!checked && part.size >= MAGIC_BYTES) {
      headerLength(await part.read(0, MAGIC_BYTES));
      checked = true;
    }
    port.onBytes(part.size, total);
  }
}

async function verify(part: PartFile, task: DownloadTask): Promise<void> {
  const digest = part.digest();
  if (digest !== task.sha256) {
    throw new BeelineError("HASH_MISMATCH", `${task.name} has the SHA-256 ${digest}`);
  }
  const length = headerLength(await part.read(0, MAGIC_BYTES));
  checkHeader(await part.read(PREFIX_BYTES, length), part.size);
}

async function isTaken(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** A lost connection is worth another try; everything else that was thrown is final. */
function temporary(error: unknown, signal: AbortSignal): BeelineError {
  if (error instanceof BeelineError) {
    if (error.code === "DOWNLOAD_FAILED" && error.cause !== undefined) return error;
    throw error;
  }
  return asFetchError(error, signal);
}

function failed(detail: string): BeelineError {
  return new BeelineError("DOWNLOAD_FAILED", detail);
}

function nameTaken(name: string): BeelineError {
  return new BeelineError("NAME_REFUSED", `another file is already called ${name}`);
}

function tooLarge(limits: DownloadLimits): BeelineError {
  return new BeelineError("LIMIT_EXCEEDED", `the file is larger than ${limits.maxBytes} bytes`);
}
