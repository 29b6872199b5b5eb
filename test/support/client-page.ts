/**
 * A page that holds a link by the client's module as it is shipped, and writes down what the link
 * says. Tests drive it through functions of plain data; what is written down is lost with the page,
 * as on a real reload.
 */

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ErrorCode, Link, LinkStats, PathPolicy } from "@beeline/client";

type Client = typeof import("@beeline/client");

const MODULE = new URL("../../packages/client/dist/beeline-client.js", import.meta.url);

const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>client</title>
<script type="module">
  import * as client from "/beeline-client.js";
  window.page = {
    client, jobs: new Map(), processing: new Map(), received: new Map(), unsettled: 0, states: [],
  };
</script>`;

/** What the page keeps, as its functions see it. */
interface PageWorld {
  readonly client: Client;
  link?: Link;
  readonly jobs: Map<string, Promise<JobStory>>;
  /** Resolve when the job is being drawn. */
  readonly processing: Map<string, Promise<void>>;
  /** Bytes of each job's pictures that are here. */
  readonly received: Map<string, number>;
  unsettled: number;
  readonly states: string[];
}

/** How one job went, as the site that asked for it heard it. */
export interface JobStory {
  /** The code of the error it ended with; null, as pages answer in JSON, when there was none. */
  readonly error: ErrorCode | null;
  /** Of each picture in the result: the SHA-256 of its bytes, computed anew. */
  readonly sha256: readonly string[];
  /** How often an `image` update came. */
  readonly imageUpdates: number;
  /** Bytes that were there before this page received any: from the first `transfer` update. */
  readonly resumedFrom: number;
  readonly elapsedMs: number;
  /** The longest time in which nothing arrived, between the first bytes and the last. */
  readonly longestGapMs: number;
  readonly paths: readonly string[];
}

export interface ConnectInPage {
  readonly server: string;
  readonly key: string;
  readonly policy: PathPolicy;
  readonly clientId?: string;
}

/** Runs a function inside the page, by Playwright or by whatever else drives it. */
export interface PageDriver {
  evaluate<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
}

/** Serves the page on an origin of its own, as a third party's site would. */
export class ClientPageServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port 0: a free one. */
  static async open(port = 0): Promise<ClientPageServer> {
    const script = readFileSync(MODULE);
    const server = createServer(({ url }, response) => {
      const isScript = url === "/beeline-client.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : PAGE);
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return new ClientPageServer(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class ClientPage {
  readonly #driver: PageDriver;

  constructor(driver: PageDriver) {
    this.#driver = driver;
  }

  async connect(options: ConnectInPage): Promise<void> {
    await this.#driver.evaluate(async (options) => {
      const { page } = globalThis as unknown as { page: PageWorld };
      page.link = await page.client.connect(options);
      page.link.on("state", (state) => page.states.push(state));
    }, options);
  }

  /** Waits until this path is open and has answered. */
  async pathOpen(kind: "relay" | "direct"): Promise<void> {
    await this.#driver.evaluate(async (kind) => {
      const { page } = globalThis as unknown as { page: PageWorld };
      const link = page.link as Link;
      const isOpen = (stats: LinkStats): boolean =>
        stats.paths.some((path) => path.kind === kind && path.rttMs !== undefined);
      if (isOpen(link.stats())) return;
      await new Promise<void>((resolve) => {
        const stop = link.on("stats", (stats) => {
          if (!isOpen(stats)) return;
          stop();
          resolve();
        });
      });
    }, kind);
  }

  /** Asks for pictures by a name of the stock; {@link story} tells what came of it. */
  async draw(id: string, picture: string, quantity = 1): Promise<void> {
    await this.#driver.evaluate(
      ({ id, picture, quantity }) => {
        const { page } = globalThis as unknown as { page: PageWorld };
        const link = page.link as Link;
        const startedAtMs = performance.now();
        const job = link.txt2img({ quantity, params: { prompt: picture, seed: 1 } }, { id });
        let onProcessing = (): void => {};
        const processing = new Promise<void>((resolve) => {
          onProcessing = resolve;
        });
        page.processing.set(id, processing);
        const hear = async (): Promise<JobStory> => {
          let imageUpdates = 0;
          let resumedFrom = 0;
          let hasTransferred = false;
          let longestGapMs = 0;
          let lastAtMs = performance.now();
          for await (const update of job) {
            if (update.kind === "image") imageUpdates += 1;
            if (update.kind === "status" && update.status === "processing") onProcessing();
            if (update.kind !== "transfer") continue;
            const nowMs = performance.now();
            if (!hasTransferred) resumedFrom = update.received;
            else longestGapMs = Math.max(longestGapMs, nowMs - lastAtMs);
            hasTransferred = true;
            lastAtMs = nowMs;
            page.received.set(id, update.received);
          }
          try {
            const { images } = await job.result;
            const sums = images.map(async ({ bytes }) => {
              const sum = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
              return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("");
            });
            return {
              error: null,
              sha256: await Promise.all(sums),
              imageUpdates,
              resumedFrom,
              elapsedMs: performance.now() - startedAtMs,
              longestGapMs,
              paths: images.map((image) => image.path),
            };
          } catch (thrown) {
            return {
              error: (thrown as { code: ErrorCode }).code,
              sha256: [],
              imageUpdates,
              resumedFrom,
              elapsedMs: performance.now() - startedAtMs,
              longestGapMs,
              paths: [],
            };
          }
        };
        page.unsettled += 1;
        const story = hear();
        page.jobs.set(id, story);
        void story.finally(() => {
          page.unsettled -= 1;
        });
      },
      { id, picture, quantity },
    );
  }

  /** Waits until the extension says that it is drawing. */
  async processing(id: string): Promise<void> {
    await this.#driver.evaluate(async (id) => {
      const { page } = globalThis as unknown as { page: PageWorld };
      await page.processing.get(id);
    }, id);
  }

  /** Waits until so many bytes of the job's pictures are here. @returns how many there are then. */
  async received(id: string, bytes: number): Promise<number> {
    return await this.#driver.evaluate(
      async ({ id, bytes }) => {
        const { page } = globalThis as unknown as { page: PageWorld };
        const received = (): number => page.received.get(id) ?? 0;
        while (received() < bytes) await new Promise((resolve) => setTimeout(resolve, 10));
        return received();
      },
      { id, bytes },
    );
  }

  /** Waits until what the client has put away for a reload so far is written. */
  async saved(): Promise<void> {
    await this.#driver.evaluate(async () => {
      const settled = <T>(request: IDBRequest<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const database = await settled(indexedDB.open("beeline"));
      const [store = ""] = database.objectStoreNames;
      // It is read after everything that was to be written before.
      await settled(database.transaction(store).objectStore(store).count());
      database.close();
    }, undefined);
  }

  async story(id: string): Promise<JobStory> {
    return await this.#driver.evaluate(async (id) => {
      const { page } = globalThis as unknown as { page: PageWorld };
      const story = page.jobs.get(id);
      if (story === undefined) throw new Error(`no job ${id} in this page`);
      return await story;
    }, id);
  }

  async describe(): Promise<number> {
    return await this.#driver.evaluate(async () => {
      const { page } = globalThis as unknown as { page: PageWorld };
      const startedAtMs = performance.now();
      await (page.link as Link).describe();
      return performance.now() - startedAtMs;
    }, undefined);
  }

  async stats(): Promise<LinkStats> {
    return await this.#driver.evaluate(() => {
      const { page } = globalThis as unknown as { page: PageWorld };
      return (page.link as Link).stats();
    }, undefined);
  }

  /** Every state since the link was made, oldest first. */
  async states(): Promise<readonly string[]> {
    return await this.#driver.evaluate(() => {
      const { page } = globalThis as unknown as { page: PageWorld };
      return page.states;
    }, undefined);
  }

  /** Closes the link. @returns how many jobs have not settled then, which must be none. */
  async close(): Promise<number> {
    return await this.#driver.evaluate(async () => {
      const { page } = globalThis as unknown as { page: PageWorld };
      await page.link?.close().catch(() => undefined);
      // The last job's story is told in the turn after its end.
      await new Promise((resolve) => setTimeout(resolve));
      return page.unsettled;
    }, undefined);
  }
}
