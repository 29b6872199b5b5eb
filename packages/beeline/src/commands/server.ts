/** `beeline server`: the link server with the page. */

import { join } from "node:path";
import { createLinkServer } from "@beeline/server";
import { pageDir } from "@beeline/web/page";
import { Command } from "commander";
import { foldersFor } from "../folders.ts";
import { closeOnExit } from "../lifetime.ts";
import { createLogger, type LogLevel } from "../logger.ts";
import {
  DEFAULT_PORT,
  hostOption,
  logOption,
  originOption,
  portOption,
  publicHostOption,
  rootOption,
} from "../options.ts";

interface ServerFlags {
  readonly port?: number;
  readonly host: string;
  readonly home?: string;
  readonly logLevel: LogLevel;
  readonly publicHost: string[];
  readonly allowOrigin: string[];
}

export function serverCommand(): Command {
  return new Command("server")
    .description("run the link server and its page")
    .addOption(portOption)
    .addOption(hostOption)
    .addOption(publicHostOption)
    .addOption(originOption)
    .addOption(rootOption)
    .addOption(logOption)
    .action(async (flags: ServerFlags) => {
      const logger = createLogger(flags.logLevel);
      const server = createLinkServer({
        dataDir: join(foldersFor(flags.home).data, "server"),
        host: flags.host,
        port: flags.port ?? DEFAULT_PORT,
        publicHosts: flags.publicHost,
        allowedOrigins: flags.allowOrigin,
        pageDir,
        logger,
      });
      closeOnExit([server]);
      const { url } = await server.listen();
      process.stdout.write(`Link server: ${url}\n`);
    });
}
