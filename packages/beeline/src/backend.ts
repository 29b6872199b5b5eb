/**
 * Which renderer the extension uses. The demo is taken only when it was asked for by name, so that
 * nobody mistakes its pictures for Stable Diffusion's.
 */

import { join } from "node:path";
import {
  type CommandService,
  DemoBackend,
  openCommandService,
  seedDemoResources,
} from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import { VERSION } from "./version.ts";

export const BACKENDS = ["demo"] as const;

export interface BackendOptions {
  readonly backend: string;
  readonly dataDir: string;
  readonly name: string;
  /** Milliseconds that one step of the demo takes; undefined: its own pace. */
  readonly stepMs?: number | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly allowInsecure?: boolean | undefined;
}

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` for a backend that this version has not. */
export async function openService(options: BackendOptions): Promise<CommandService> {
  if (options.backend !== "demo") {
    throw new BeelineError(
      "BACKEND_UNAVAILABLE",
      `no backend is called "${options.backend}"; this version has: ${BACKENDS.join(", ")}`,
    );
  }
  const modelsDir = join(options.dataDir, "models");
  await seedDemoResources(modelsDir);
  const backend = new DemoBackend(options.stepMs === undefined ? {} : { stepMs: options.stepMs });
  await backend.probe();
  const service = await openCommandService({
    backend,
    modelsDir,
    dataDir: join(options.dataDir, "extension"),
    name: options.name,
    version: VERSION,
    allowHosts: options.allowHosts ?? [],
    allowInsecure: options.allowInsecure ?? false,
  });
  return {
    handle: (...call) => service.handle(...call),
    acknowledge: (id, caller) => service.acknowledge(id, caller),
    onChanged: (listener) => service.onChanged(listener),
    close: async () => {
      await service.close();
      await backend.close();
    },
  };
}
