/**
 * What a person meets before anything runs: the set-up's refusals, and the last line of a test run.
 * That set-up works on a fresh clone is proved by every CI run, which starts with it.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { findChromium } from "../scripts/chromium.mjs";
import { countLine, countTests } from "./support/count-reporter.ts";

const SETUP = fileURLToPath(new URL("../scripts/setup.mjs", import.meta.url));

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("set-up", () => {
  test("names the oldest Node it accepts to one that is too old", () => {
    const pretend = "Object.defineProperty(process, 'versions', { value: { node: '20.18.3' } })";
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", `data:text/javascript,${pretend}`, SETUP, "build"],
      { encoding: "utf8" },
    );
    expect(stderr).toContain("needs Node 20.19 or later; this is 20.18.3");
    expect(status).toBe(1);
  });

  test("says how it is called", () => {
    const { status, stderr } = spawnSync(process.execPath, [SETUP], { encoding: "utf8" });
    expect(stderr).toContain("setup.mjs build|test");
    expect(status).toBe(1);
  });

  test("does not replace a browser that was asked for by another", () => {
    vi.stubEnv("CHROMIUM_PATH", "/nowhere/chromium");
    expect(findChromium).toThrow("CHROMIUM_PATH names no program: /nowhere/chromium");
  });

  test("takes the browser that was asked for", () => {
    vi.stubEnv("CHROMIUM_PATH", process.execPath);
    expect(findChromium()?.executablePath).toBe(process.execPath);
  });
});

describe("the last line of a run", () => {
  const error = { message: "broken" };

  function moduleOf(states: readonly ("passed" | "failed" | "skipped" | "pending")[]) {
    const tests = states.map((state) => ({ result: () => ({ state }) }));
    return { errors: () => [], children: { allTests: () => tests, allSuites: () => [] } };
  }

  test("counts what passed and failed, and what was skipped if anything was", () => {
    expect(countLine(countTests([moduleOf(["passed", "passed", "failed"])], []))).toBe(
      "2 passed, 1 failed",
    );
    expect(countLine(countTests([moduleOf(["passed", "skipped"])], []))).toBe(
      "1 passed, 0 failed, 1 skipped",
    );
  });

  test.each([
    ["a test that was cut off", [moduleOf(["pending"])], []],
    ["a file that cannot be loaded", [{ ...moduleOf([]), errors: () => [error] }], []],
    ["an error outside every test", [moduleOf([])], [error]],
  ])("counts %s as a failure", (_what, modules, unhandled) => {
    expect(countLine(countTests(modules, unhandled))).toBe("0 passed, 1 failed");
  });

  test("counts a suite whose hooks failed as a failure", () => {
    const module = moduleOf([]);
    const suite = { errors: () => [error] };
    const broken = { ...module, children: { ...module.children, allSuites: () => [suite] } };
    expect(countLine(countTests([broken], []))).toBe("0 passed, 1 failed");
  });
});
