/**
 * A test that passes prints nothing: one that writes to the console fails, with what it wrote.
 *
 * Loaded before each test file of the `unit`, `sim` and `contract` projects. A test that expects a log line
 * passes its own logger to the code under test. Output that bypasses `console`, such as a direct
 * write to stdout, is not seen here.
 */
import { format } from "node:util";
import { afterEach, beforeEach } from "vitest";

const METHODS = ["debug", "error", "info", "log", "trace", "warn"] as const;

const written: string[] = [];

for (const method of METHODS) {
  console[method] = (...values: unknown[]) => {
    written.push(`console.${method}: ${format(...values)}`);
  };
}

function failIfWritten(): void {
  const lines = written.splice(0);
  if (lines.length > 0) throw new Error(`the console was written to:\n${lines.join("\n")}`);
}

// Before as well, so that what a file writes while it loads is not lost.
beforeEach(failIfWritten);
afterEach(failIfWritten);
