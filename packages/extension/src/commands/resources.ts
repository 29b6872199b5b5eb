/** `resources:list` and `resources:remove`: the library as commands. */

import {
  BeelineError,
  type Resource,
  type ResourceProgress,
  type ResourceRef,
  type ResourceType,
} from "@beeline/protocol";
import type { Downloads } from "../resources/downloads.ts";
import { FOLDER_OF } from "../resources/folders.ts";
import type { Library } from "../resources/library.ts";
import type { Fields } from "./command-table.ts";

/** What is here, and what is on its way. Answered from memory. */
export function listResources(
  types: readonly ResourceType[] | undefined,
  library: Library,
  downloads: Downloads,
): Resource[] {
  const here = library.list(types).map(
    ({ type, hash, name, listPath, size, hasPreview }): Resource => ({
      type,
      hash,
      name,
      path: listPath,
      size,
      hasPreview,
    }),
  );
  const folders = types?.length ? types.map((type) => FOLDER_OF[type]) : undefined;
  // A file that has just got its name is in the library before its download has ended.
  const arrived = new Set(here.map(({ hash }) => hash));
  const coming = downloads
    .inFlight()
    .filter(({ hash }) => !arrived.has(hash))
    .filter((resource) => folders?.includes(FOLDER_OF[resource.type]) ?? true);
  return [...here, ...coming];
}

/** Removes each resource that is there; the whole fails when one of them does. */
export async function removeResources(
  refs: readonly ResourceRef[],
  library: Library,
  refreshBackend: () => Promise<void>,
): Promise<Fields<"resources:remove">> {
  const resources: ResourceProgress[] = [];
  for (const ref of refs) resources.push(await removeOne(ref, library));
  if (resources.some((resource) => resource.status === "success")) await refreshBackend();
  const error = resources.find((resource) => resource.error !== undefined)?.error;
  return { status: error ? "error" : "success", resources, ...(error && { error }) };
}

async function removeOne(ref: ResourceRef, library: Library): Promise<ResourceProgress> {
  try {
    const { name } = await library.remove(ref);
    return { ...ref, name, status: "success" };
  } catch (error) {
    return { ...ref, status: "error", error: BeelineError.from(error).toWire() };
  }
}
