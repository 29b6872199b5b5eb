/** Log lines and a disk that is full, in the process and around one. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, onTestFinished, test, vi } from "vitest";
import { LogDestination, MAX_WAITING_BYTES } from "./log-destination.ts";

const FULL = "/dev/full";
/** A process starts and loads pino; one that hangs is ended. */
const CHILD_MS = 8_000;

/** A disk that takes so many bytes, and what it took. */
class Disk {
  free = 0;
  text = "";
  readonly put = (bytes: Buffer): number => {
    if (this.free === 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    const taken = bytes.subarray(0, this.free);
    this.free -= taken.length;
    this.text += taken.toString();
    return taken.length;
  };
}

test("lines that a full disk did not take come once it takes them, whole and in order", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const disk = new Disk();
  const log = new LogDestination(disk.put);
  log.write("one\n");
  disk.free = 2;
  log.write("two\n");
  expect(disk.text).toBe("on");
  disk.free = 100;
  log.write("three\n");
  expect(disk.text).toBe("one\ntwo\nthree\n");
  disk.free = 0;
  log.write("four\n");
  disk.free = 100;
  vi.runOnlyPendingTimers();
  expect(disk.text).toBe("one\ntwo\nthree\nfour\n");
  expect(vi.getTimerCount()).toBe(0);
});

test("what waits for a full disk is bounded, and what is dropped are whole lines", () => {
  const disk = new Disk();
  const log = new LogDestination(disk.put);
  const line = `${"x".repeat(9_999)}\n`;
  for (let i = 0; i < 500; i++) log.write(line);
  disk.free = Number.POSITIVE_INFINITY;
  log.write("last\n");
  const kept = Math.floor(MAX_WAITING_BYTES / line.length);
  expect(disk.text).toBe(`${line.repeat(kept)}last\n`);
});

test.skipIf(!existsSync(FULL))(
  "a process whose log is on a full disk goes on, and ends when it is done (without /dev/full: skipped)",
  () => {
    const program = `
      import { createLogger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url).href)};
      const log = createLogger("info", "${FULL}");
      log.info("one");
      setTimeout(() => {
        log.fatal("two");
        console.log("still here");
      }, 50);
    `;
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--import=tsx", "--input-type=module", "-e", program],
      { encoding: "utf8", timeout: CHILD_MS, killSignal: "SIGKILL" },
    );
    expect(stdout).toBe("still here\n");
    expect(status).toBe(0);
  },
);
