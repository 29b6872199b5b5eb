/** Processor time and memory of processes and all that they started, from Linux's /proc. */

import { readdirSync, readFileSync } from "node:fs";

/** `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;
/** Peaks of a transfer last longer than this; reading Chromium's tables takes a few milliseconds. */
const LOOK_EVERY_MS = 250;

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

/** Processor time of these processes and their descendants that still run; NaN without /proc. */
export function cpuMsOf(roots: readonly number[]): number {
  const family = familyOf(roots);
  return family.length === 0 ? Number.NaN : family.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/**
 * Memory of these processes and their descendants: each page that is shared counts in parts (PSS), so
 * that Chromium's processes do not count their common code six times.
 */
export function memoryBytesOf(roots: readonly number[]): number {
  return familyOf(roots).reduce((sum, { pid }) => sum + pssOf(pid), 0);
}

/** Watches until stopped; the most that was seen of each. */
export class PeakMemory {
  readonly #groups: Readonly<Record<string, readonly number[]>>;
  readonly #peaks: Record<string, number> = {};
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(groups: Readonly<Record<string, readonly number[]>>) {
    this.#groups = groups;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  stop(): Readonly<Record<string, number>> {
    clearInterval(this.#timer);
    this.#look();
    return this.#peaks;
  }

  #look(): void {
    for (const [name, roots] of Object.entries(this.#groups)) {
      const bytes = memoryBytesOf(roots);
      if (bytes > (this.#peaks[name] ?? 0)) this.#peaks[name] = bytes;
    }
  }
}

/** Every living descendant of this process, of whatever name. */
export function childrenOf(parent: number): number[] {
  return entries()
    .filter((entry) => entry.parent === parent)
    .map(({ pid }) => pid);
}

function familyOf(roots: readonly number[]): Entry[] {
  const all = entries();
  const family = new Map<number, Entry>();
  let added = all.filter(({ pid }) => roots.includes(pid));
  while (added.length > 0) {
    for (const entry of added) family.set(entry.pid, entry);
    added = all.filter(({ pid, parent }) => family.has(parent) && !family.has(pid));
  }
  return [...family.values()];
}

function entries(): Entry[] {
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The name in parentheses may hold anything; fields are counted behind it (man 5 proc).
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const cpuMs = (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
      return [{ pid: Number(name), parent: Number(fields[1]), cpuMs }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

function pssOf(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
