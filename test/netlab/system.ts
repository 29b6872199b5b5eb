/**
 * The lab's hold on the operating system: programs that are run to their end, and our own C
 * programs, compiled on the spot and kept by the hash of their source.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findLabProgram } from "../../scripts/services.mjs";

const HERE = import.meta.dirname;
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/beeline/netlab/", import.meta.url));

/** Runs a program to its end. @throws with what it wrote, if it fails. */
export function run(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: "utf8" });
  if (status !== 0) {
    const what = `${program} ${args.join(" ")}${input === undefined ? "" : `\n${input}`}`;
    throw new Error(`${what}\n${stdout}${stderr}${error ?? ""}`);
  }
  return stdout;
}

/** Commands of `ip`, one a line, all in one namespace and in one process: ten times as fast. */
export function ip(namespace: string, ...lines: readonly string[]): void {
  run("ip", ["-n", namespace, "-batch", "-"], `${lines.join("\n")}\n`);
}

/** Replaces a namespace's whole ruleset, in one step. */
export function nft(namespace: string, rules: string): void {
  const program = findLabProgram("nft") ?? "nft";
  run("nsenter", [`--net=/run/netns/${namespace}`, program, "-f", "-"], rules);
}

/** Settings of the kernel that belong to this one namespace. */
export function sysctl(namespace: string, settings: Readonly<Record<string, number>>): void {
  const script = Object.entries(settings)
    .map(([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll(".", "/")}`)
    .join("\n");
  run("nsenter", [`--net=/run/netns/${namespace}`, "sh", "-e"], script);
}

/** The program made of `source`, a file of this folder. */
export function compiled(source: string): string {
  const path = join(HERE, source);
  const hash = createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 12);
  const program = join(CACHE, `${source.replace(/\.c$/, "")}-${hash}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  // Two runs may compile at once: whoever is last wins, with the same program.
  const unfinished = `${program}.${process.pid}`;
  run("cc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", unfinished, path]);
  renameSync(unfinished, program);
  return program;
}
