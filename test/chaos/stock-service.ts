/** A command service on a folder, drawing from stock; the same in a test and in a process of its own. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type CommandService, openCommandService, seedDemoResources } from "@beeline/extension";
import { StockBackend } from "../support/stock-backend.ts";

/** Where {@link openStockService} writes down what was drawn, below its folder. */
export function drawnFileOf(folder: string): string {
  return join(folder, "drawn");
}

export async function openStockService(folder: string): Promise<CommandService> {
  const modelsDir = join(folder, "models");
  await mkdir(modelsDir, { recursive: true });
  // A job needs a checkpoint, whatever draws it.
  await seedDemoResources(modelsDir);
  return await openCommandService({
    dataDir: join(folder, "data"),
    modelsDir,
    backend: new StockBackend(drawnFileOf(folder)),
    name: "chaos",
    version: "0.0.0",
  });
}
