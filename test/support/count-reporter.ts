/**
 * The last line of a test run: `N passed, N failed`, with `, N skipped` when some were.
 *
 * Any CI can read it without knowing the runner. It is written as the process ends, so nothing
 * follows it. A file that cannot be loaded and an error outside every test count as one failure
 * each: a run that did not pass never reads "0 failed". It prints nothing else.
 */
import { writeSync } from "node:fs";
import type { Reporter, SerializedError, TestModule, TestState } from "vitest/node";

type Counts = { passed: number; failed: number; skipped: number };

/** What is counted of a file, which Vitest calls a module. */
type Counted = {
  errors(): readonly unknown[];
  readonly children: {
    allTests(): Iterable<{ result(): { state: TestState } }>;
    allSuites(): Iterable<{ errors(): readonly unknown[] }>;
  };
};

/** Counts every test of a run, and what failed outside the tests. */
export function countTests(
  modules: readonly Counted[],
  unhandledErrors: readonly unknown[],
): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    for (const part of [module, ...module.children.allSuites()]) {
      if (part.errors().length > 0) counts.failed += 1;
    }
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test still pending when the run ended was cut off, which is not a pass.
      counts[state === "pending" ? "failed" : state] += 1;
    }
  }
  return counts;
}

/** The line itself, without a line break. */
export function countLine({ passed, failed, skipped }: Counts): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped > 0 ? `${line}, ${skipped} skipped` : line;
}

export default class CountReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    process.once("exit", () => writeSync(1, `${countLine(this.#counts)}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#counts = countTests(modules, unhandledErrors);
  }
}
