/**
 * Network namespaces that go away with whoever made them.
 *
 * Every name opens with `bl-<pid>-`. A child process of ours, the reaper, holds the read end of a
 * pipe and does the cleaning when the pipe ends: on {@link Namespaces.close} and when this process
 * is killed in any way. There is one way to clean up, so every run tests it. What a machine that lost
 * its power or a killed reaper left behind is swept at the next start.
 *
 * Nothing here touches the machine's own network: every command names a namespace.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ip, run, sysctl } from "./system.ts";

const REAPER = join(import.meta.dirname, "reaper.sh");
const FOLDER = "/run/netns";
const OWNED = /^bl-(\d+)-[0-9a-f]{4}-/;

export class Namespaces {
  /** What all names of this lab open with. */
  readonly prefix = `bl-${process.pid}-${randomBytes(2).toString("hex")}-`;
  /** For files of whatever runs inside; goes away with the namespaces. */
  readonly folder = folderOf(this.prefix);
  readonly #reaper: ChildProcess;

  constructor() {
    sweep();
    mkdirSync(this.folder);
    // In a session of its own, so that Ctrl+C in the terminal does not end it with us.
    this.#reaper = spawn("sh", [REAPER, this.prefix, this.folder], {
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
  }

  /** @returns the name of the new namespace: no interface but loopback, and IPv6 without magic. */
  create(name: string): string {
    const namespace = this.prefix + name;
    run("ip", ["netns", "add", namespace]);
    ip(namespace, "link set lo up");
    sysctl(namespace, {
      // Nobody announces routers, and nobody else has our addresses: both would only cost time.
      "net.ipv6.conf.all.accept_ra": 0,
      "net.ipv6.conf.default.accept_ra": 0,
      "net.ipv6.conf.default.accept_dad": 0,
      // A machine's interfaces have link-local addresses, but 0.4 s of waiting for each is too long.
      "net.ipv6.conf.default.dad_transmits": 0,
      "net.ipv6.conf.default.optimistic_dad": 1,
    });
    return namespace;
  }

  /** Ends every process inside, and removes them all. */
  async close(): Promise<void> {
    const reaper = this.#reaper;
    if (reaper.exitCode !== null || reaper.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => reaper.once("exit", () => resolve()));
    reaper.stdin?.end();
    await gone;
  }
}

/** Names of this prefix that exist now. */
export function namespacesOf(prefix: string): string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER).filter((name) => name.startsWith(prefix));
}

/** Removes what labs left behind whose process no longer lives. */
function sweep(): void {
  const dead = new Set(
    namespacesOf("bl-").flatMap((name) => {
      const [prefix, pid] = OWNED.exec(name) ?? [];
      return prefix === undefined || existsSync(`/proc/${pid}`) ? [] : [prefix];
    }),
  );
  for (const prefix of dead) run("sh", [REAPER, prefix, folderOf(prefix)], "");
}

function folderOf(prefix: string): string {
  return join(tmpdir(), `${prefix}files`);
}
