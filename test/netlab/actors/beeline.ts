/** Beeline's own programs on hosts of the lab, started from the build as a person would. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "../host.ts";
import { Program } from "./program.ts";

const MAIN = fileURLToPath(new URL("../../../packages/beeline/dist/main.js", import.meta.url));
const PORT = 3939;

/** Programs on one host each need a folder. */
let homes = 0;

/** `beeline …` on that host, with a home of its own unless the arguments name one. */
export function beeline(
  host: Host,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Program {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm test, or npm run build`);
  const { BEELINE_HOME: _home, BEELINE_KEY: _key, PORT: _port, ...env } = process.env;
  const home = args.includes("--home") ? [] : ["--home", join(host.folder, `home-${++homes}`)];
  return new Program(host, process.execPath, [MAIN, ...args, ...home], {
    env: { ...env, NO_COLOR: "1", ...environment },
  });
}

export interface LinkServerOptions {
  /** What both sides of a pair get credentials for. */
  readonly turn?: { readonly urls: readonly string[]; readonly secret: string };
  readonly args?: readonly string[];
}

export interface LinkServerActor {
  readonly program: Program;
  /** Where the page and the extension find it: by its address, or by its name in both families. */
  url(by?: "ipv4" | "ipv6" | "name"): string;
}

/** The link server with its page and its STUN, for both families. */
export async function startLinkServer(
  host: Host,
  { turn, args = [] }: LinkServerOptions = {},
): Promise<LinkServerActor> {
  const program = beeline(
    host,
    [
      ...["server", "--host", "::", "--port", String(PORT), "--public-host", `${host.name}.lab`],
      ...(turn === undefined ? [] : ["--turn-url", ...turn.urls]),
      ...args,
    ],
    turn === undefined ? {} : { BEELINE_TURN_SECRET: turn.secret },
  );
  await program.says(/Link server: http\S+/);
  return {
    program,
    url: (by) => `http://${by === "name" ? `${host.name}.lab` : host.urlHost(by)}:${PORT}`,
  };
}

/** `beeline extension` with the demo renderer and every right. Resolves once it is linked. */
export async function startExtension(
  host: Host,
  url: string,
  key: string,
  ...args: readonly string[]
): Promise<Program> {
  const demo = ["--backend", "demo", "--demo-step-ms", "5", "--allow", "generate,list,add,remove"];
  const program = beeline(host, [
    ...["extension", "--server", url, "--key", key],
    ...demo,
    ...args,
  ]);
  await program.says(/Linked through/);
  return program;
}
