/**
 * An extension in a process of its own, so that a test can kill it as a crash or a power cut would.
 *
 * Takes the server's address, the link key (empty: the keys it keeps) and its folder as arguments,
 * and writes its link's status to standard output, a line each.
 */

import { join } from "node:path";
import { openExtension } from "@beeline/extension";
import { openStockService } from "./stock-service.ts";

const [server = "", key = "", folder = ""] = process.argv.slice(2);

const extension = await openExtension({
  service: await openStockService(folder),
  configDir: join(folder, "config"),
  name: "chaos",
  onLink: ({ status }) => void process.stdout.write(`${status}\n`),
});
if (key !== "") extension.pair(server, key);
