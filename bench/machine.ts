/** What a reader must know of the machine and the code to compare a run with another. */

import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { findChromium } from "../scripts/chromium.mjs";
import { versionsOf } from "./subjects/versions.ts";

export function describeMachine(): Record<string, string> {
  const [cpu] = cpus();
  return {
    cpu: `${cpus().length} × ${cpu?.model ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.versions.node,
    chromium: chromiumVersion(),
    ...versionsOf("socket.io", "werift", "simple-peer"),
  };
}

export function load(): [number, number, number] {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return [one, five, fifteen];
}

export function currentCommit(): { commit: string; isDirty: boolean } {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { encoding: "utf8" }).trim();
  return {
    commit: git("rev-parse", "--short", "HEAD"),
    isDirty: git("status", "--porcelain", "--untracked-files=no") !== "",
  };
}

function chromiumVersion(): string {
  const found = findChromium();
  if (found === undefined) return "none";
  try {
    const env = { ...process.env, ...found.env };
    return execFileSync(found.executablePath, ["--version"], { encoding: "utf8", env })
      .replace(/^Chromium\s*/, "")
      .trim();
  } catch {
    return "unknown";
  }
}
