/** The commands that are answered at once: they read, or they cancel. */

import { type ExtensionInfo, IMAGE_LIMITS, MAX_INPUT_IMAGE_BYTES } from "@beeline/protocol";
import type { Activities } from "../activities.ts";
import type { ImageBackend } from "../image-backend.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Downloads } from "../resources/downloads.ts";
import type { Library } from "../resources/library.ts";
import { cancelActivity, cancelAdd } from "./cancel.ts";
import type { Answers } from "./command-table.ts";
import type { Adds } from "./resource-add.ts";
import { listResources } from "./resources.ts";

/** A list that is asked for again and again looks at the disk no more often than this. */
const RESCAN_EVERY_MS = 5_000;

export interface AnswerPorts {
  readonly activities: Activities;
  readonly adds: Adds;
  readonly backend: ImageBackend;
  readonly downloads: Downloads;
  readonly jobs: Jobs;
  readonly library: Library;
  readonly name: string;
  readonly version: string;
  /** Milliseconds. */
  readonly clock: () => number;
}

export function answers(ports: AnswerPorts): Answers {
  const { activities, adds, backend, clock, downloads, jobs, library } = ports;
  let rescannedAt = Number.NEGATIVE_INFINITY;
  const rescanSoon = () => {
    if (clock() - rescannedAt < RESCAN_EVERY_MS) return;
    rescannedAt = clock();
    // Listeners hear what it finds; a disk that cannot be read leaves the list as it is.
    library.rescan().catch(() => undefined);
  };
  return {
    "activities:list": ({ fields }, { caller }) => ({
      status: "success",
      activities: [...activities.list(caller.linkId, fields.quantity)],
    }),
    "activities:clear": (_command, { caller }) => {
      activities.clear(caller.linkId);
      return { status: "success", activities: [...activities.list(caller.linkId)] };
    },
    "activities:cancel": ({ fields }, { owner }) => cancelActivity(fields.activityId, owner, jobs),
    "resources:add:cancel": (command, { owner }) => cancelAdd(command, owner, jobs, adds),
    "resources:list": ({ fields }) => {
      rescanSoon();
      return { status: "success", resources: listResources(fields.types, library, downloads) };
    },
    "extension:describe": async () => ({
      status: "success",
      extension: await describe(ports.name, ports.version, backend),
    }),
  };
}

async function describe(
  name: string,
  version: string,
  backend: ImageBackend,
): Promise<ExtensionInfo> {
  const { networks, samplers, ...rest } = await backend.capabilities();
  const { quantity, batchSize, steps, side } = IMAGE_LIMITS;
  return {
    name,
    version,
    backend: { ...rest, networks: [...networks], samplers: [...samplers] },
    limits: { quantity, batchSize, steps, side, inputImage: MAX_INPUT_IMAGE_BYTES },
  };
}
