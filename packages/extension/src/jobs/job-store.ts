/**
 * What the extension remembers of jobs on disk, so that a command id means one job for ever.
 *
 * One folder per job: `job.json`, replaced atomically, and its pictures as files. A job is written
 * down before it starts; found unfinished at the next start, it was interrupted. Kept are at most
 * `maxBytes` of pictures, `maxJobs` jobs and nothing older than `maxAgeMs`: pictures go first, those
 * that their client holds before those that it does not, and what remains still says that the job
 * was done, so that it is not done again.
 *
 * Knows nothing of running jobs (jobs.ts) nor of what a job is about.
 */

import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BeelineError, ImageInfo } from "@beeline/protocol";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import type { DrawnImage } from "../image-backend.ts";
import { asDiskError } from "../resources/part-file.ts";
import type { StoredImage } from "../service.ts";

/** About 250 pictures of 1024² pixels; a page that reloads wants the last few. */
const MAX_BYTES = 512 * 1024 * 1024;
const MAX_AGE_MS = 24 * 60 * 60 * 1000;
/** A day of work at one picture every 20 seconds; each is a small file to read at start. */
const MAX_JOBS = 4_096;

const JobRecord = z.object({
  /** In lower case; a UUID, so fit for a folder's name. */
  id: z.uuid(),
  type: z.string(),
  /** SHA-256 of the client's secret: who may ask for it. */
  owner: z.string(),
  linkId: z.string(),
  /** SHA-256 of what was asked for. */
  bodyDigest: z.string(),
  createdAt: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  state: z.enum(["running", "finished"]),
  /** The whole command, for jobs that go on after a restart. */
  resume: z.unknown().optional(),
  /** The last response, once finished. */
  response: z.record(z.string(), z.unknown()).optional(),
  images: z.array(ImageInfo).default([]),
  acknowledged: z.boolean().default(false),
  /** The pictures had to make room. */
  imagesGone: z.boolean().default(false),
});
export type JobRecord = z.output<typeof JobRecord>;
export type NewJob = Pick<
  JobRecord,
  "id" | "type" | "owner" | "linkId" | "bodyDigest" | "createdAt" | "resume"
>;

/** Input pictures that wait with their job. */
export type InputName = "init" | "mask";

export interface JobStoreOptions {
  readonly dir: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly maxJobs?: number;
}

export class JobStore {
  readonly #dir: string;
  readonly #clock: () => number;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #maxJobs: number;
  /** Oldest first. */
  readonly #jobs = new Map<string, JobRecord>();

  private constructor(options: JobStoreOptions) {
    this.#dir = options.dir;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_AGE_MS;
    this.#maxJobs = options.maxJobs ?? MAX_JOBS;
  }

  /** Reads what is there; a folder that cannot be read as a job is deleted. */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const store = new JobStore(options);
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const read: JobRecord[] = [];
    for (const name of await readdir(options.dir)) {
      const record = await store.#read(name);
      if (record === undefined) await rm(join(options.dir, name), { recursive: true, force: true });
      else read.push(record);
    }
    for (const record of read) if (record.state === "running") await store.#dropFiles(record.id);
    read.sort((a, b) => a.startedAt - b.startedAt);
    for (const record of read) store.#jobs.set(record.id, record);
    await store.#evict();
    return store;
  }

  get(id: string): Readonly<JobRecord> | undefined {
    return this.#jobs.get(id);
  }

  /** Jobs that were running when the process ended. Meant for the time right after {@link open}. */
  unfinished(): readonly Readonly<JobRecord>[] {
    return [...this.#jobs.values()].filter((job) => job.state === "running");
  }

  /**
   * Writes a job down as running. Also for one that goes on after a restart.
   * @throws {BeelineError} `DISK_FULL`
   */
  async begin(job: NewJob): Promise<void> {
    const record: JobRecord = {
      ...job,
      startedAt: this.#clock(),
      state: "running",
      images: [],
      acknowledged: false,
      imagesGone: false,
    };
    this.#jobs.set(job.id, record);
    try {
      await mkdir(this.#folder(job.id), { recursive: true, mode: 0o700 });
      await this.#write(record);
    } catch (error) {
      this.#jobs.delete(job.id);
      throw asDiskError(error);
    }
  }

  /**
   * Keeps one finished picture of a running job.
   * @throws {BeelineError} `DISK_FULL`, or `LIMIT_EXCEEDED` when running jobs alone need more than may be kept.
   */
  async addImage(id: string, image: DrawnImage): Promise<StoredImage> {
    const record = this.#running(id);
    const { index, seed, mime, width, height, bytes } = image;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const info = { index, seed, mime, width, height, size: bytes.length, sha256 };
    await this.#writeBytes(this.#imagePath(id, index), bytes);
    record.images = [...record.images, info];
    await this.#evict();
    if (this.#bytesKept() > this.#maxBytes) {
      throw new BeelineError("LIMIT_EXCEEDED", `more than ${this.#maxBytes} bytes of pictures`);
    }
    return this.#stored(id, info);
  }

  /** @throws {BeelineError} `DISK_FULL` */
  async putInput(id: string, name: InputName, bytes: Uint8Array): Promise<void> {
    await this.#writeBytes(join(this.#folder(this.#running(id).id), name), bytes);
  }

  readInput(id: string, name: InputName): Promise<Uint8Array> {
    return readFile(join(this.#folder(id), name));
  }

  /** @throws {BeelineError} `DISK_FULL`; the job then counts as running until the next start. */
  async finish(id: string, response: Readonly<Record<string, unknown>>): Promise<void> {
    const { resume: _done, ...record } = this.#running(id);
    const finished: JobRecord = { ...record, state: "finished", response: { ...response } };
    try {
      await this.#write(finished);
    } catch (error) {
      throw asDiskError(error);
    }
    this.#jobs.set(id, finished);
    for (const name of ["init", "mask"]) await rm(join(this.#folder(id), name), { force: true });
    await this.#evict();
  }

  /** The pictures of a finished job in order; undefined when they had to make room. */
  images(id: string): readonly StoredImage[] | undefined {
    const record = this.#jobs.get(id);
    if (record === undefined || record.imagesGone) return undefined;
    return record.images.map((info) => this.#stored(id, info));
  }

  /** The client holds every picture: they are the first to go when room is needed. */
  async acknowledge(id: string): Promise<void> {
    const record = this.#jobs.get(id);
    if (record === undefined || record.state === "running" || record.acknowledged) return;
    record.acknowledged = true;
    await this.#write(record);
  }

  async #evict(): Promise<void> {
    const oldest = this.#clock() - this.#maxAgeMs;
    for (const job of this.#finished()) {
      if (job.startedAt < oldest || this.#jobs.size > this.#maxJobs) {
        this.#jobs.delete(job.id);
        await rm(this.#folder(job.id), { recursive: true, force: true });
      }
    }
    const kept = this.#finished().filter((job) => job.images.length > 0 && !job.imagesGone);
    const byWorth = [
      ...kept.filter((job) => job.acknowledged),
      ...kept.filter((job) => !job.acknowledged),
    ];
    for (const job of byWorth) {
      if (this.#bytesKept() <= this.#maxBytes) return;
      job.imagesGone = true;
      await this.#write(job);
      for (const { index } of job.images) await rm(this.#imagePath(job.id, index), { force: true });
    }
  }

  #finished(): JobRecord[] {
    return [...this.#jobs.values()].filter((job) => job.state === "finished");
  }

  #bytesKept(): number {
    let bytes = 0;
    for (const job of this.#jobs.values()) {
      if (!job.imagesGone) for (const image of job.images) bytes += image.size;
    }
    return bytes;
  }

  #stored(id: string, info: ImageInfo): StoredImage {
    const path = this.#imagePath(id, info.index);
    return { info, read: (offset, length) => readRange(path, offset, length) };
  }

  #running(id: string): JobRecord {
    const record = this.#jobs.get(id);
    if (record?.state === "running") return record;
    throw new BeelineError("JOB_UNKNOWN", `no running job has the id ${id}`);
  }

  /** What an interrupted job left beside its record: pictures that no response will name. */
  async #dropFiles(id: string): Promise<void> {
    for (const name of await readdir(this.#folder(id))) {
      if (name !== "job.json") await rm(join(this.#folder(id), name), { force: true });
    }
  }

  async #read(name: string): Promise<JobRecord | undefined> {
    try {
      const record = JobRecord.parse(
        JSON.parse(await readFile(join(this.#dir, name, "job.json"), "utf8")),
      );
      return record.id === name ? record : undefined;
    } catch {
      return undefined;
    }
  }

  async #write(record: JobRecord): Promise<void> {
    const file = join(this.#folder(record.id), "job.json");
    await writeFileAtomic(file, JSON.stringify(record), { mode: 0o600 });
  }

  async #writeBytes(path: string, bytes: Uint8Array): Promise<void> {
    try {
      await writeFile(path, bytes, { mode: 0o600, flush: true });
    } catch (error) {
      throw asDiskError(error);
    }
  }

  #folder(id: string): string {
    return join(this.#dir, id);
  }

  #imagePath(id: string, index: number): string {
    return join(this.#folder(id), `image-${index}`);
  }
}

async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) {
    throw new BeelineError("JOB_UNKNOWN", "the picture is no longer kept");
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
