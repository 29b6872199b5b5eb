/**
 * `beeline demo` (and `npm start`): server, page and an extension with the built-in renderer in one
 * process, so that a picture is two clicks away.
 */

import { join } from "node:path";
import { createPeerBy, openExtension, type RtcEngine } from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import { createLinkServer, type LinkServer } from "@beeline/server";
import { pageDir } from "@beeline/web/page";
import { Command } from "commander";
import { openService } from "../backend.ts";
import { foldersFor } from "../folders.ts";
import { closeOnExit, endOnFault } from "../lifetime.ts";
import { createLogger, type LogLevel } from "../logger.ts";
import {
  allowHostOption,
  allowInsecureOption,
  DEFAULT_PORT,
  directOption,
  hostOption,
  logOption,
  portOption,
  rootOption,
  rtcOption,
  stepOption,
} from "../options.ts";

interface DemoFlags {
  readonly port?: number;
  readonly host: string;
  readonly home?: string;
  readonly direct: boolean;
  readonly rtc: RtcEngine;
  readonly demoStepMs?: number;
  readonly allowHost: string[];
  readonly allowInsecure: boolean;
  readonly logLevel: LogLevel;
}

const NAME = "This computer";

export function demoCommand(): Command {
  return new Command("demo")
    .description("run server, page and demo renderer in one process")
    .addOption(portOption)
    .addOption(hostOption)
    .addOption(directOption)
    .addOption(rtcOption)
    .addOption(allowHostOption)
    .addOption(allowInsecureOption)
    .addOption(stepOption)
    .addOption(rootOption)
    .addOption(logOption)
    .action(runDemo);
}

async function runDemo(flags: DemoFlags): Promise<void> {
  const logger = endOnFault(createLogger(flags.logLevel));
  const folders = foldersFor(flags.home);
  const dataDir = join(folders.data, "demo");
  const { service } = await openService({
    backend: "demo",
    dataDir,
    name: NAME,
    stepMs: flags.demoStepMs,
    allowHosts: flags.allowHost,
    allowInsecure: flags.allowInsecure,
  });
  let pair = async (_key: string): Promise<void> => {
    throw new BeelineError("EXTENSION_ABSENT", "the demo is still starting");
  };
  const { server, url } = await listen(
    (port) =>
      createLinkServer({
        dataDir: join(dataDir, "server"),
        host: flags.host,
        port,
        pageDir,
        logger,
        pairDemo: (key) => pair(key),
      }),
    flags.port,
  );
  const extension = await openExtension({
    service,
    configDir: join(folders.config, "demo"),
    name: NAME,
    log: logger,
    server: url,
    createPeer: flags.direct ? createPeerBy(flags.rtc) : undefined,
  });
  pair = async (key) => extension.pair(url, key);
  closeOnExit([server, extension]);
  process.stdout.write(
    [
      "",
      "  Beeline is running with its built-in demo renderer (not Stable Diffusion).",
      `  Open  ${url}`,
      "",
      "",
    ].join("\n"),
  );
}

/** The port that was asked for, or else the usual one, or else any free one. */
async function listen(
  create: (port: number) => LinkServer,
  asked: number | undefined,
): Promise<{ server: LinkServer; url: string }> {
  for (const port of asked === undefined ? [DEFAULT_PORT, 0] : [asked]) {
    const server = create(port);
    try {
      const { url } = await server.listen();
      return { server, url };
    } catch (error) {
      await server.close();
      const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isTaken || asked !== undefined || port === 0) throw error;
    }
  }
  throw new Error("no port to listen on");
}
