/** Beeline's link server in a process of its own, as it is run, reporting what it holds. */

import { createLinkServer } from "@beeline/server";
import pino from "pino";
import { reportMemory } from "./child-process.ts";

const [dataDir = "", pageOrigin = ""] = process.argv.slice(2);

const server = createLinkServer({
  dataDir,
  port: 0,
  stunPort: false,
  allowedOrigins: [pageOrigin],
  logger: pino({ level: "silent" }),
});
const { port } = await server.listen();
process.send?.({ port });
reportMemory(() => server.metrics());
