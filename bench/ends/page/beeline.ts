/** The page's half of Beeline: the client as a site uses it. A picture down, an input picture up. */

import { connect, type Link, type PathPolicy } from "@beeline/client";
import { type Asker, inTime, payload, type Transfer } from "../asker.ts";

/** An attempt to connect directly ends after 12 s; then it will not be direct in this run. */
const DIRECT_LIMIT_MS = 15_000;

export async function openBeeline(
  server: string,
  key: string,
  policy: PathPolicy,
  direct: "needed" | "unwanted",
): Promise<Asker> {
  const startedAtMs = performance.now();
  const since = (): number => performance.now() - startedAtMs;
  const join: Record<string, number> = {};
  const link = await connect({ server, key, policy, name: "bench" });
  join["in the room"] = since();
  await link.describe();
  join["first answer"] = since();
  if (direct === "needed") {
    const isOpen = await inTime(directOpen(link), DIRECT_LIMIT_MS);
    if (!isOpen) {
      const { reason } = link.path;
      await link.close(0).catch(() => {});
      throw new Error(`no direct path: ${reason}`);
    }
    Object.assign(join, directPhases(link, since()));
  }
  return new BeelineAsker(link, join);
}

class BeelineAsker implements Asker {
  readonly join: Readonly<Record<string, number>>;
  readonly #link: Link;

  constructor(link: Link, join: Readonly<Record<string, number>>) {
    this.#link = link;
    this.join = join;
  }

  async roundTrip(): Promise<number> {
    const startedAtMs = performance.now();
    await this.#link.describe();
    return performance.now() - startedAtMs;
  }

  async get(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    let previewMs: number | undefined;
    let received = 0;
    const job = this.#link.txt2img({ params: { prompt: String(bytes), seed: 1 } });
    const listen = async (): Promise<void> => {
      for await (const update of job) {
        if (update.kind === "preview") previewMs ??= performance.now() - startedAtMs;
        if (update.kind === "transfer") received = update.received;
      }
      await job.result;
    };
    const isDone = await inTime(listen(), limitMs);
    const ms = performance.now() - startedAtMs;
    if (!isDone) job.cancel();
    const transfer = { isDone, ms, bytes: isDone ? bytes : received };
    return previewMs === undefined ? transfer : { ...transfer, previewMs };
  }

  async put(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    const params = { prompt: "0", seed: 1, initImage: payload().subarray(0, bytes) };
    const job = this.#link.img2img({ params });
    const taken = async (): Promise<void> => {
      // Progress comes from the backend, which begins when it has the picture.
      for await (const update of job) if (update.kind === "progress") return;
      await job.result;
    };
    const isDone = await inTime(taken(), limitMs);
    const ms = performance.now() - startedAtMs;
    if (isDone) await job.result;
    else job.cancel();
    return isDone ? { isDone, ms, bytes } : { isDone, ms, bytes: 0, isBlind: true };
  }

  async close(): Promise<void> {
    await this.#link.close(0).catch(() => {});
  }
}

async function directOpen(link: Link): Promise<void> {
  const isOpen = (): boolean => link.path.kind === "direct";
  if (isOpen()) return;
  await new Promise<void>((resolve) => {
    const stop = link.on("path", () => {
      if (!isOpen()) return;
      stop();
      resolve();
    });
  });
}

/** An attempt counts from its own beginning; its end is known on our clock, so the rest is too. */
function directPhases(link: Link, openAtMs: number): Record<string, number> {
  const phases: Record<string, number> = { "direct open": openAtMs };
  const attempt = link.stats().attempts.find(({ outcome }) => outcome === "open");
  const { open, ...earlier } = attempt?.phases ?? {};
  if (open === undefined) return phases;
  for (const [phase, ms] of Object.entries(earlier)) {
    phases[`direct ${phase}`] = Math.max(0, openAtMs - open + ms);
  }
  return phases;
}
