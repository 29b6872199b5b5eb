/**
 * Opens a command service on this machine's folders, with the system's clock and randomness.
 *
 * Everything it keeps lies below one data folder: `library.json` (hashes), `activities.json` (the
 * log) and `jobs/` (what was asked for, and finished pictures until they are fetched).
 */

import { randomInt } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Activities } from "./activities.ts";
import { createCommandService, type Permit } from "./command-service.ts";
import type { ImageBackend, ModelFolder } from "./image-backend.ts";
import { JobStore } from "./jobs/job-store.ts";
import type { AddressPolicy } from "./resources/address-policy.ts";
import { Downloads } from "./resources/downloads.ts";
import { Library } from "./resources/library.ts";
import type { CommandService } from "./service.ts";

/** A small library is whole before the first command; a large one is read on behind it. */
const FIRST_SCAN_MS = 2_000;

export interface OpenCommandServiceOptions extends Partial<AddressPolicy> {
  readonly dataDir: string;
  /** Holds `checkpoints`, `loras` and so on; made if missing. Not used when there are `folders`. */
  readonly modelsDir: string;
  /** Where the backend loads models from. */
  readonly folders?: readonly ModelFolder[];
  readonly backend: ImageBackend;
  /** Shown to pages. */
  readonly name: string;
  readonly version: string;
  /** Absent: every command is allowed. */
  readonly permit?: Permit;
  /** Milliseconds since 1970; absent: the system's. */
  readonly clock?: () => number;
  /** An integer from 0 to 2³²-1; absent: a random one. */
  readonly drawSeed?: () => number;
}

/** The caller closes the backend, after the service. */
export async function openCommandService(
  options: OpenCommandServiceOptions,
): Promise<CommandService> {
  const { dataDir, modelsDir, backend, name, version } = options;
  const clock = options.clock ?? Date.now;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const library = await Library.open({
    modelsDir,
    ...(options.folders && { folders: options.folders }),
    clock,
    indexFile: join(dataDir, "library.json"),
  });
  const policy = {
    allowHosts: options.allowHosts ?? [],
    allowInsecure: options.allowInsecure ?? false,
  };
  const downloads = new Downloads({ library, policy, clock });
  await downloads.purge();
  // A folder that cannot be read leaves the library empty; the next list tries again.
  const scanned = library.rescan().catch(() => undefined);
  library.watch();
  await Promise.race([scanned, delay(FIRST_SCAN_MS, undefined, { ref: false })]);
  return createCommandService({
    backend,
    library,
    downloads,
    name,
    version,
    clock,
    store: await JobStore.open({ dir: join(dataDir, "jobs"), clock }),
    activities: await Activities.open(join(dataDir, "activities.json")),
    drawSeed: options.drawSeed ?? (() => randomInt(2 ** 32)),
    permit: options.permit ?? (() => true),
  });
}
