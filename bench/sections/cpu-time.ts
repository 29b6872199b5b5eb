/** Processor time of this process and of those it started, from Linux's /proc; elsewhere undefined. */

import { readdirSync, readFileSync } from "node:fs";

/** `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface CpuTime {
  /** This process, in seconds. */
  readonly own: number;
  /** Everything that it started and that still runs, in seconds. */
  readonly children: number;
}

export function cpuTime(): CpuTime | undefined {
  const processes = readProcesses();
  const own = processes.find(({ pid }) => pid === process.pid);
  if (own === undefined) return undefined;
  const family = new Set([process.pid]);
  let children = 0;
  // A child's number is higher than its parent's but for a wrap, and /proc is listed in order.
  for (const { pid, parent, seconds } of processes) {
    if (!family.has(parent)) continue;
    family.add(pid);
    children += seconds;
  }
  return { own: own.seconds, children };
}

function readProcesses(): { pid: number; parent: number; seconds: number }[] {
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  const pids = names.map(Number).sort((a, b) => a - b);
  return pids.flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name in parentheses may hold anything; fields are counted behind it (man 5 proc).
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const ticks = Number(fields[11]) + Number(fields[12]);
      return [{ pid, parent: Number(fields[1]), seconds: ticks / TICKS_PER_SECOND }];
    } catch {
      return [];
    }
  });
}
