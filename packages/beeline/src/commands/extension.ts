/** `beeline extension`: the peer beside Stable Diffusion. */

import { hostname } from "node:os";
import { join } from "node:path";
import {
  ActivityLog,
  type CommandEvent,
  createPeerBy,
  type Extension,
  observeCommands,
  openExtension,
  type Right,
  Rights,
  type RtcEngine,
} from "@beeline/extension";
import { Command, Option } from "commander";
import { BACKENDS, type BackendName, openService } from "../backend.ts";
import { foldersFor } from "../folders.ts";
import { closeOnExit, endOnFault } from "../lifetime.ts";
import { createLogger, type LogLevel } from "../logger.ts";
import {
  allowHostOption,
  allowInsecureOption,
  allowOption,
  DEFAULT_PORT,
  directOption,
  logOption,
  rootOption,
  rtcOption,
  stepOption,
} from "../options.ts";
import { RunningFile } from "../running.ts";
import { readSettings, writeSettings } from "../settings.ts";
import { StatusScreen } from "../status-screen.ts";
import { askFirstRun, askRights, UNASKED_RIGHTS } from "../wizard.ts";
import { allowCommand, openStore, statusCommand, unlinkCommand } from "./extension-links.ts";

interface ExtensionFlags {
  readonly server: string;
  readonly key?: string;
  readonly allow?: readonly Right[];
  readonly backend: BackendName;
  readonly backendUrl?: string;
  readonly backendHeaders?: string;
  readonly modelsDir?: string;
  readonly keepWorkflow: boolean;
  readonly name: string;
  readonly home?: string;
  readonly direct: boolean;
  readonly rtc: RtcEngine;
  readonly demoStepMs?: number;
  readonly allowHost: string[];
  readonly allowInsecure: boolean;
  readonly logLevel: LogLevel;
}

/** Pages come and go without an event; the screen and the status file follow this soon. */
const REFRESH_MS = 1_000;

/** Where a person can be asked and a screen be drawn. */
const IS_TERMINAL = process.stdin.isTTY === true && process.stdout.isTTY === true;

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
    .addOption(allowOption)
    .addOption(
      new Option("-b, --backend <name>", "what draws the pictures")
        .choices(BACKENDS)
        .default("auto", "auto: whichever runs on its usual port; never the demo")
        .env("BEELINE_BACKEND"),
    )
    .addOption(
      new Option("--backend-url <url>", "where it listens, if not where it usually does").env(
        "BEELINE_BACKEND_URL",
      ),
    )
    .addOption(
      new Option("--backend-headers <file>", "JSON file of headers to send it").env(
        "BEELINE_BACKEND_HEADERS",
      ),
    )
    .addOption(
      new Option("--models-dir <folder>", "folder of its models, if it does not say itself").env(
        "BEELINE_MODELS_DIR",
      ),
    )
    .addOption(
      new Option("--keep-workflow", "leave ComfyUI's workflow in its pictures").default(false),
    )
    .addOption(new Option("--name <text>", "how pages call this machine").default(hostname()))
    .addOption(directOption)
    .addOption(rtcOption)
    .addOption(allowHostOption)
    .addOption(allowInsecureOption)
    .addOption(stepOption)
    .addOption(rootOption)
    .addOption(logOption)
    .addCommand(statusCommand())
    .addCommand(allowCommand())
    .addCommand(unlinkCommand())
    .action(runExtension);
}

async function runExtension(given: ExtensionFlags, command: Command): Promise<void> {
  const folders = foldersFor(given.home);
  const remembered = await readSettings(folders.config);
  const isSaid = (flag: string): boolean => command.getOptionValueSource(flag) !== "default";
  const known = { ...remembered, ...given, ...(!isSaid("backend") && remembered) };
  const flags = await completeFlags(known, folders.config);
  // Asked before the screen is drawn: a link for which nobody has decided may do little.
  const allow = flags.allow ?? (flags.key && IS_TERMINAL ? await askRights() : undefined);
  const logFile = IS_TERMINAL ? join(folders.data, "extension.log") : undefined;
  const logger = endOnFault(createLogger(flags.logLevel, logFile));
  const rights = new Rights();
  const { service, renderer } = await openService({
    backend: flags.backend,
    backendUrl: flags.backendUrl,
    backendHeaders: flags.backendHeaders,
    modelsDir: flags.modelsDir,
    keepWorkflow: flags.keepWorkflow,
    dataDir: folders.data,
    name: flags.name,
    stepMs: flags.demoStepMs,
    allowHosts: flags.allowHost,
    allowInsecure: flags.allowInsecure,
    rights,
  });

  const log = new ActivityLog(join(folders.data, "activity.log"), Date.now);
  const running = new RunningFile(folders.data);
  const since = new Date().toISOString();
  const links = (): ReturnType<Extension["links"]> => extension?.links() ?? [];
  const screen = IS_TERMINAL
    ? new StatusScreen(process.stdout, () => ({ renderer, links: links() }))
    : undefined;
  const say = (line: string): void => {
    if (screen === undefined) process.stdout.write(`${line}\n`);
    else screen.note(line);
  };
  const observe = (event: CommandEvent): void => {
    log.note(event);
    screen?.hear(event);
  };
  let extension: Extension | undefined;
  const opened = await openExtension({
    service: observeCommands(service, observe),
    configDir: folders.config,
    name: flags.name,
    log: logger,
    rights,
    undecided: flags.allow ?? UNASKED_RIGHTS,
    createPeer: flags.direct ? createPeerBy(flags.rtc) : undefined,
    onLink: ({ server, status, error }) => {
      running.write({ pid: process.pid, since, renderer, links: links() });
      if (status === "active") say(`Linked through ${server}.`);
      if (status === "standby" && error !== undefined) say(`${error.detail}. ${error.remedy}`);
      if (status === "joining" && error !== undefined) say(`${error.detail}; trying again …`);
      if (status !== "ended" || error === undefined) return;
      say(`${error.detail}. ${error.remedy}`);
      if (links().length > 0) return;
      say("No link is left, so the extension stops.");
      void extension?.close().finally(() => process.exit(1));
    },
  });
  extension = opened;
  let written = "";
  const refresh = setInterval(() => {
    screen?.redraw();
    const state = JSON.stringify(links());
    if (state === written) return;
    written = state;
    running.write({ pid: process.pid, since, renderer, links: links() });
  }, REFRESH_MS);
  refresh.unref();
  closeOnExit([{ close: () => running.remove() }, { close: () => log.settled() }, opened]);
  say(`Renderer: ${renderer}.`);
  if (flags.key !== undefined) opened.pair(flags.server, flags.key, allow);
  running.write({ pid: process.pid, since, renderer, links: links() });
  if (opened.links().length > 0) return;
  say("Not linked yet. Open the page, create a link, and start again with its key:");
  say(`  npx --no beeline extension --server ${flags.server} --key <key>`);
  await opened.close();
  await running.remove();
  process.exitCode = 1;
}

async function hasLinks(configDir: string): Promise<boolean> {
  return (await openStore(configDir)).links().length > 0;
}

/** On a first run in a terminal, what no flag has said is asked for. */
async function completeFlags(flags: ExtensionFlags, configDir: string): Promise<ExtensionFlags> {
  if (!IS_TERMINAL || flags.key !== undefined || (await hasLinks(configDir))) return flags;
  const { modelsDir, ...answers } = await askFirstRun(flags.server);
  const settings = { backend: answers.backend, ...(modelsDir !== undefined && { modelsDir }) };
  await writeSettings(configDir, settings);
  return { ...flags, ...answers, ...settings };
}
