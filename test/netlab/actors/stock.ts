/**
 * The programs of a test that watches one large picture: an extension that draws from stock, and the
 * client's page. Both are our sources, run by tsx.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RtcEngine } from "@beeline/extension";
import { drawnFileOf } from "../../chaos/stock-service.ts";
import { drawnJobs } from "../../support/stock-backend.ts";
import type { Host } from "../host.ts";
import { Program } from "./program.ts";

const EXTENSION = fileURLToPath(new URL("../../chaos/extension-process.ts", import.meta.url));
const PAGE = fileURLToPath(new URL("./client-page-process.ts", import.meta.url));

function script(host: Host, path: string, ...args: readonly string[]): Program {
  const node = ["--import=tsx", "--conditions=@beeline/source", path];
  return new Program(host, process.execPath, [...node, ...args]);
}

/** Resolves once it serves the room. */
export async function startStockExtension(
  host: Host,
  url: string,
  key: string,
  engine: RtcEngine,
): Promise<{ readonly program: Program; drawn(): readonly string[] }> {
  const folder = join(host.folder, "stock");
  const program = script(host, EXTENSION, url, key, folder, engine);
  await program.says(/^active$/m);
  return { program, drawn: () => drawnJobs(drawnFileOf(folder)) };
}

/** The client's page on the browser's own machine, where a browser trusts it. @returns its origin. */
export async function startClientPage(host: Host): Promise<string> {
  const program = script(host, PAGE);
  const [origin] = await program.says(/http:\S+/);
  return origin;
}
