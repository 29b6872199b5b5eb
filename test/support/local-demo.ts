/**
 * What `beeline demo` starts, here in the test's own process, so that a test sees both ends at once:
 * what the server relayed, what the renderer was asked to draw, and what the page shows.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DemoBackend,
  type GenerateHooks,
  type GenerateJob,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import { createLinkServer, type LinkServer } from "@beeline/server";
import { pageDir } from "@beeline/web/page";
import pino from "pino";
import { onTestFinished } from "vitest";

/** The demo renderer, and every job it was given. */
class WatchedBackend extends DemoBackend {
  readonly jobs: GenerateJob[] = [];

  override generate(job: GenerateJob, hooks: GenerateHooks): Promise<void> {
    this.jobs.push(job);
    return super.generate(job, hooks);
  }
}

export interface LocalDemo {
  readonly url: string;
  readonly server: LinkServer;
  /** What the renderer was asked to draw, oldest first. */
  readonly jobs: readonly GenerateJob[];
}

export interface LocalDemoOptions {
  /** False: as `beeline demo --no-direct`. */
  readonly direct?: boolean;
  /** Least duration of one drawing step in ms. */
  readonly stepMs?: number;
}

/** Everything is closed, and its folder removed, when the test ends. */
export async function openLocalDemo({
  direct = true,
  stepMs = 5,
}: LocalDemoOptions = {}): Promise<LocalDemo> {
  const home = await mkdtemp(join(tmpdir(), "beeline-demo-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const modelsDir = join(home, "models");
  await seedDemoResources(modelsDir);
  const backend = new WatchedBackend({ stepMs });
  await backend.probe();
  onTestFinished(() => backend.close());
  const extension = await openExtension({
    service: await openCommandService({
      backend,
      modelsDir,
      dataDir: join(home, "extension"),
      name: "Test machine",
      version: "0",
    }),
    configDir: join(home, "config"),
    name: "Test machine",
    ...(direct ? {} : { createPeer: undefined }),
  });
  onTestFinished(() => extension.close());
  const server: LinkServer = createLinkServer({
    dataDir: join(home, "server"),
    port: 0,
    pageDir,
    logger: pino({ level: "silent" }),
    pairDemo: async (key) => extension.pair(url, key),
  });
  onTestFinished(() => server.close());
  const { url } = await server.listen();
  return { url, server, jobs: backend.jobs };
}
