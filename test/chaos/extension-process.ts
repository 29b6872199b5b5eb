/**
 * An extension in a process of its own, so that a test can kill it as a crash or a power cut would.
 *
 * Takes the server's address, the link key (empty: the keys it keeps), its folder and what carries its
 * direct paths (absent: as shipped) as arguments, and writes its link's status to standard output, a
 * line each.
 */

import { join } from "node:path";
import {
  createPeerBy,
  DEFAULT_RTC_ENGINE,
  openExtension,
  type RtcEngine,
} from "@beeline/extension";
import { openStockService } from "./stock-service.ts";

const [server = "", key = "", folder = "", engine = DEFAULT_RTC_ENGINE] = process.argv.slice(2);

const extension = await openExtension({
  service: await openStockService(folder),
  configDir: join(folder, "config"),
  name: "chaos",
  createPeer: createPeerBy(engine as RtcEngine),
  onLink: ({ status }) => void process.stdout.write(`${status}\n`),
});
if (key !== "") extension.pair(server, key);
