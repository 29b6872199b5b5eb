/**
 * What the first run's questions were answered with, kept for the next start. No keys, no rights:
 * those are the link's.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BACKENDS, type BackendName } from "./backend.ts";

export interface Settings {
  readonly backend?: BackendName;
  readonly modelsDir?: string;
}

const FILE = "settings.json";

/** What cannot be read counts as not set. */
export async function readSettings(configDir: string): Promise<Settings> {
  try {
    const { backend, modelsDir } = JSON.parse(await readFile(join(configDir, FILE), "utf8"));
    return {
      ...(BACKENDS.includes(backend) && { backend }),
      ...(typeof modelsDir === "string" && { modelsDir }),
    };
  } catch {
    return {};
  }
}

export async function writeSettings(configDir: string, settings: Settings): Promise<void> {
  await mkdir(configDir, { recursive: true, mode: 0o700 });
  await writeFile(join(configDir, FILE), `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
}
