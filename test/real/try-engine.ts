/**
 * The data peer with an engine in another language, both as offerer and as answerer: messages from one
 * byte to the most that both take, there and back. Prints what held; the exit code says the same.
 *
 *     npm run try:pion      needs Go 1.24 or later
 *     npm run try:aiortc    needs Python 3.10 or later with venv
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RtcSignal } from "@beeline/paths";
import { DataPeerEcho } from "../support/data-peer-echo.ts";

/** What both offer by default. */
const MOST: Record<string, number> = { pion: 65_535, aiortc: 65_536 };
const sizes = (most: number): number[] => [1, 2, 1_131, 1_132, 1_133, 2_049, 16_384, most];

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/beeline/", import.meta.url));

function run(command: string, args: readonly string[], cwd?: string): void {
  const { status, error } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed ${error ?? ""}`);
}

/** @returns how to start it; what comes after says whether it offers. */
const prepare: Record<string, () => string[]> = {
  pion: () => {
    const source = fileURLToPath(new URL("pion/", import.meta.url));
    const program = join(mkdtempSync(join(tmpdir(), "beeline-pion-")), "try-pion");
    run("go", ["build", "-o", program, "."], source);
    return [program];
  },
  aiortc: () => {
    const folder = join(CACHE, "aiortc");
    const python = join(folder, "bin/python");
    if (!existsSync(python)) run("python3", ["-m", "venv", folder]);
    run(python, ["-m", "pip", "install", "--quiet", "aiortc==1.16.0"]);
    return [python, fileURLToPath(new URL("aiortc/echo.py", import.meta.url))];
  },
};

async function exchange(
  command: readonly string[],
  isOfferer: boolean,
  most: number,
): Promise<string[]> {
  const [program = "", ...args] = command;
  const other: ChildProcess = spawn(program, [...args, isOfferer ? "answer" : "offer"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const echo = new DataPeerEcho({ isOfferer }, (signal) => {
    other.stdin?.write(`${JSON.stringify(signal)}\n`);
  });
  if (other.stdout === null) throw new Error("no output to read");
  createInterface(other.stdout).on("line", (line) => {
    echo.accept(JSON.parse(line) as RtcSignal);
  });
  try {
    await echo.opened();
    return await echo.exchange(sizes(most));
  } finally {
    echo.close();
    other.stdin?.end();
    other.kill();
  }
}

const [, , name = ""] = process.argv;
const ready = prepare[name];
if (ready === undefined) throw new Error("which engine? Type: npm run try:pion or try:aiortc");
const command = ready();
for (const isOfferer of [true, false]) {
  const role = isOfferer ? "offers" : "answers";
  const differences = await exchange(command, isOfferer, MOST[name] ?? 0).catch((error: Error) => [
    error.message,
  ]);
  if (differences.length > 0) process.exitCode = 1;
  const outcome = differences.length === 0 ? "every message came back" : differences.join("; ");
  process.stdout.write(`${name}, the data peer ${role}: ${outcome}\n`);
}
