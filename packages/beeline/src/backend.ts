/**
 * Which renderer the extension uses, and the command service on it. The demo is taken only when it
 * was asked for by name, so that nobody mistakes its pictures for Stable Diffusion's.
 */

import { join } from "node:path";
import {
  type CommandService,
  DemoBackend,
  findBackend,
  type ImageBackend,
  type ModelFolder,
  openCommandService,
  REAL_BACKENDS,
  type RealBackend,
  type Rights,
  seedDemoResources,
} from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import { backendHeaders } from "./credentials.ts";
import { modelFolders } from "./model-folders.ts";
import { VERSION } from "./version.ts";

export const BACKENDS = ["auto", ...REAL_BACKENDS, "demo"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface BackendOptions {
  readonly backend: BackendName;
  readonly backendUrl?: string | undefined;
  /** JSON file of headers for it. */
  readonly backendHeaders?: string | undefined;
  readonly modelsDir?: string | undefined;
  readonly keepWorkflow?: boolean | undefined;
  readonly dataDir: string;
  readonly name: string;
  /** Milliseconds that one step of the demo takes; undefined: its own pace. */
  readonly stepMs?: number | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly allowInsecure?: boolean | undefined;
  /** Absent: every command is allowed. */
  readonly rights?: Rights;
}

export interface OpenedService {
  readonly service: CommandService;
  /** What draws, for people. */
  readonly renderer: string;
}

interface Renderer {
  readonly backend: ImageBackend;
  readonly name: string;
  readonly modelsDir: string;
  readonly folders?: readonly ModelFolder[];
}

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` with what was tried. */
export async function openService(options: BackendOptions): Promise<OpenedService> {
  const { backend, name, ...places } =
    options.backend === "demo" ? await openDemo(options) : await openReal(options, options.backend);
  const service = await openCommandService({
    backend,
    ...places,
    dataDir: join(options.dataDir, "extension"),
    name: options.name,
    version: VERSION,
    allowHosts: options.allowHosts ?? [],
    allowInsecure: options.allowInsecure ?? false,
    ...(options.rights && { permit: options.rights.permit }),
  });
  return {
    renderer: name,
    service: {
      handle: (...call) => service.handle(...call),
      acknowledge: (id, caller) => service.acknowledge(id, caller),
      onChanged: (listener) => service.onChanged(listener),
      close: async () => {
        await service.close();
        await backend.close();
      },
    },
  };
}

async function openDemo(options: BackendOptions): Promise<Renderer> {
  const modelsDir = join(options.dataDir, "models");
  await seedDemoResources(modelsDir);
  const backend = new DemoBackend(options.stepMs === undefined ? {} : { stepMs: options.stepMs });
  await backend.probe();
  return { backend, modelsDir, name: "the built-in demo: its pictures are not Stable Diffusion's" };
}

async function openReal(
  options: BackendOptions,
  kind: Exclude<BackendName, "demo">,
): Promise<Renderer> {
  const { backend, url } = await find(options, kind === "auto" ? undefined : kind);
  try {
    const { name } = await backend.capabilities();
    const folders = await modelFolders(backend, options.modelsDir);
    return { backend, name: `${name} at ${url}`, modelsDir: options.dataDir, folders };
  } catch (error) {
    await backend.close();
    throw error;
  }
}

async function find(options: BackendOptions, kind: RealBackend | undefined) {
  try {
    return await findBackend({
      kind,
      url: options.backendUrl,
      headers: await backendHeaders(process.env, options.backendHeaders),
      keepWorkflow: options.keepWorkflow ?? false,
    });
  } catch (error) {
    if (!(error instanceof BeelineError)) throw error;
    throw new BeelineError(
      error.code,
      `${error.detail}. To try the link without Stable Diffusion, choose --backend demo`,
    );
  }
}
