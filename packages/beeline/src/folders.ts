/** Where Beeline keeps things on this platform, unless told otherwise. */

import { join } from "node:path";
import envPaths from "env-paths";

export interface Folders {
  /** Keys. */
  readonly config: string;
  /** Database, model files of the demo, spooled results. */
  readonly data: string;
}

/** @param root one folder for everything, as a test or a portable installation wants it. */
export function foldersFor(root: string | undefined): Folders {
  if (root !== undefined) return { config: join(root, "config"), data: join(root, "data") };
  const { config, data } = envPaths("beeline", { suffix: "" });
  return { config, data };
}
