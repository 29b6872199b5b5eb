/**
 * Several `beeline server` processes that share a PostgreSQL and a Redis, all real, all gone when the
 * test ends.
 */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CreatedInstance, REST_PATH } from "@beeline/protocol";
import { type BeelineProcess, newHome, startServer } from "./beeline.ts";
import { ask, cookieOf } from "./link-server.ts";
import type { Service } from "./services.ts";

/** One process, as peers of test/support/link-server.ts want it. */
export interface ClusterServer {
  readonly url: string;
  readonly process: BeelineProcess;
  readonly browser: { cookie: string | undefined };
}

export class Cluster {
  readonly #postgres: Service;
  readonly #redis: Service;
  readonly #secretFile: string;
  /** One person's browser, whatever process answers it. */
  readonly browser: ClusterServer["browser"] = { cookie: undefined };

  private constructor(postgres: Service, redis: Service, secretFile: string) {
    this.#postgres = postgres;
    this.#redis = redis;
    this.#secretFile = secretFile;
  }

  static async open(postgres: Service, redis: Service): Promise<Cluster> {
    const secretFile = join(await newHome(), "secret");
    // The database remembers whose it is, so all tests of a file share one.
    await writeFile(secretFile, SECRET);
    return new Cluster(postgres, redis, secretFile);
  }

  /** One more process. */
  async start(...args: string[]): Promise<ClusterServer> {
    const shared = ["--database", this.#postgres.url, "--redis", this.#redis.url];
    const flags = [...shared, "--secret-file", this.#secretFile, "--sockets-per-address", "1000"];
    const { url, process } = await startServer(await newHome(), ...flags, ...args);
    return { url, process, browser: this.browser };
  }

  async createInstance({ url }: Pick<ClusterServer, "url">): Promise<CreatedInstance> {
    const headers = this.browser.cookie === undefined ? {} : { cookie: this.browser.cookie };
    const answer = await ask(url, "POST", REST_PATH, { body: {}, headers });
    this.browser.cookie = cookieOf(answer);
    return answer.body as CreatedInstance;
  }
}

/** Of every cluster on a database, which remembers whose it is. */
export const SECRET = randomBytes(32).toString("hex");
