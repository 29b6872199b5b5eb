/** `beeline extension`: the peer beside Stable Diffusion. */

import { hostname } from "node:os";
import { openExtension } from "@beeline/extension";
import { Command, Option } from "commander";
import { BACKENDS, openService } from "../backend.ts";
import { foldersFor } from "../folders.ts";
import { closeOnExit } from "../lifetime.ts";
import { createLogger, type LogLevel } from "../logger.ts";
import {
  allowHostOption,
  allowInsecureOption,
  DEFAULT_PORT,
  directOption,
  logOption,
  rootOption,
  stepOption,
} from "../options.ts";

interface ExtensionFlags {
  readonly server: string;
  readonly key?: string;
  readonly backend: string;
  readonly name: string;
  readonly home?: string;
  readonly direct: boolean;
  readonly demoStepMs?: number;
  readonly allowHost: string[];
  readonly allowInsecure: boolean;
  readonly logLevel: LogLevel;
}

export function extensionCommand(): Command {
  return new Command("extension")
    .description("run the extension beside your Stable Diffusion")
    .addOption(
      new Option("-s, --server <url>", "the link server that made the key")
        .default(`http://127.0.0.1:${DEFAULT_PORT}`)
        .env("BEELINE_SERVER"),
    )
    .addOption(
      new Option("-k, --key <key>", "link key from the page; needed the first time only").env(
        "BEELINE_KEY",
      ),
    )
    .addOption(
      new Option("-b, --backend <name>", "what draws the pictures")
        .choices(BACKENDS)
        .default("demo", "demo: the built-in renderer, not Stable Diffusion"),
    )
    .addOption(new Option("--name <text>", "how pages call this machine").default(hostname()))
    .addOption(directOption)
    .addOption(allowHostOption)
    .addOption(allowInsecureOption)
    .addOption(stepOption)
    .addOption(rootOption)
    .addOption(logOption)
    .action(runExtension);
}

async function runExtension(flags: ExtensionFlags): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const logger = createLogger(flags.logLevel);
  const folders = foldersFor(flags.home);
  const service = await openService({
    backend: flags.backend,
    dataDir: folders.data,
    name: flags.name,
    stepMs: flags.demoStepMs,
    allowHosts: flags.allowHost,
    allowInsecure: flags.allowInsecure,
  });
  const extension = await openExtension({
    service,
    configDir: folders.config,
    name: flags.name,
    log: logger,
    ...(flags.direct ? {} : { createPeer: undefined }),
    onLink: ({ server, status, error }) => {
      if (status === "active") say(`Linked through ${server}.`);
      if (status === "standby" && error !== undefined) say(`${error.detail}. ${error.remedy}`);
      if (status === "joining" && error !== undefined) say(`${error.detail}; trying again …`);
      if (status !== "ended" || error === undefined) return;
      say(`${error.detail}. ${error.remedy}`);
      if (extension.links().length > 0) return;
      say("No link is left, so the extension stops.");
      void extension.close().finally(() => process.exit(1));
    },
  });
  closeOnExit([extension]);
  if (flags.backend === "demo") {
    say("Renderer: the built-in demo. Its pictures are not Stable Diffusion's.");
  }
  if (flags.key !== undefined) extension.pair(flags.server, flags.key);
  if (extension.links().length > 0) return;
  say("Not linked yet. Open the page, create a link, and start again with its key:");
  say(`  npx beeline extension --server ${flags.server} --key <key>`);
  await extension.close();
  process.exitCode = 1;
}
