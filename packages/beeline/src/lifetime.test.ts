/** Faults that nobody caught, in a process of their own. */

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** A process starts and loads pino; one that goes on is ended. */
const CHILD_MS = 8_000;

function runWithFault(level: string, fault: string): { status: number | null; stderr: string } {
  const nameOf = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const program = `
    import { endOnFault } from ${nameOf("./lifetime.ts")};
    import { createLogger } from ${nameOf("./logger.ts")};
    endOnFault(createLogger("${level}"));
    setInterval(() => {}, 1_000);
    const fault = Object.assign(new Error("made by the test"), { command: ["set", "a lasting key"] });
    ${fault};
  `;
  const args = ["--import=tsx", "--input-type=module", "-e", program];
  const options = { encoding: "utf8", timeout: CHILD_MS, killSignal: "SIGKILL" } as const;
  return spawnSync(process.execPath, args, options);
}

test.each([
  ["an exception", "setTimeout(() => { throw fault; }, 1)"],
  ["a rejection", "Promise.reject(fault)"],
])(
  "%s that nobody caught is one line of the log without what hangs on it, and ends the process",
  (_what, fault) => {
    const { status, stderr } = runWithFault("info", fault);
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      level: 60,
      fault: { type: "Error", message: "made by the test", stack: expect.stringContaining("at ") },
    });
    expect(stderr).not.toContain("a lasting key");
  },
);

test("without a log the fault is said all the same", () => {
  const { status, stderr } = runWithFault("silent", "Promise.reject(fault)");
  expect(status).toBe(1);
  expect(stderr).toBe("beeline: Error: made by the test\n");
});
