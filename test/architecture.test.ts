/**
 * The tree keeps the promises of ARCHITECTURE.md and CONTRIBUTING.md, and each rule is able to
 * fail: it is shown a file that breaks it and one that comes close but does not.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  type Manifest,
  RULES,
  type SourceFile,
  undeclaredImports,
} from "./support/architecture-rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["packages", "test", "scripts", "bench"].filter((folder) =>
  existsSync(join(ROOT, folder)),
);
/** What is built, installed or measured; folders whose name opens with a dot are private. */
const NOT_OURS = /^(node_modules|dist|results|vectors|\..*)$/;

const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "PROTOCOL.md",
  "CONTRIBUTING.md",
  "LICENSE",
  ".ci/run",
];

/** The rules and their samples name what they forbid. */
const OWN_SAMPLES = ["test/architecture.test.ts", "test/support/architecture-rules.ts"];

const files = FOLDERS.flatMap(readTree).filter(({ path }) => !OWN_SAMPLES.includes(path));

function readTree(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.test(entry.name) ? [] : readTree(path);
    if (!/\.(ts|tsx|mjs)$/.test(entry.name)) return [];
    return [{ path, text: readFileSync(join(ROOT, path), "utf8") }];
  });
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
}

function complaintsAbout(file: SourceFile): string[] {
  return RULES.flatMap((rule) => rule.check(file));
}

/** A file with nothing wrong but what the sample puts into it. */
function sample(path: string, code: string): SourceFile {
  return { path, text: `/** What it is. */\n${code}\n` };
}

describe("the tree", () => {
  test("has files to look at", () => {
    expect(files.length).toBeGreaterThan(20);
  });

  test.each(RULES)("$name", ({ check }) => {
    const complaints = files.flatMap((file) => check(file).map((text) => `${file.path} ${text}`));
    expect(complaints).toEqual([]);
  });

  test("every package declares what it imports", () => {
    const root = readManifest(".");
    const complaints = readdirSync(join(ROOT, "packages")).flatMap((name) => {
      const own = readManifest(`packages/${name}`);
      return files
        .filter(({ path }) => path.startsWith(`packages/${name}/src/`))
        .flatMap((file) =>
          undeclaredImports(file, own, root).map((text) => `${file.path} ${text}`),
        );
    });
    expect(complaints).toEqual([]);
  });

  test("every dependency has an exact version", () => {
    const folders = [".", ...readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}`)];
    const complaints = folders.flatMap((folder) => {
      const { dependencies, optionalDependencies, devDependencies } = readManifest(folder);
      const versions = Object.entries({
        ...dependencies,
        ...optionalDependencies,
        ...devDependencies,
      });
      return versions
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${folder} has ${name} in ${version}: name one version`);
    });
    expect(complaints).toEqual([]);
  });

  test.each(DOCUMENTS)("has %s", (path) => {
    expect(existsSync(join(ROOT, path)), `write ${path}`).toBe(true);
  });
});

describe("a rule complains of", () => {
  test.each([
    ["packages/protocol/src/a.ts", `import { x } from "@beeline/server";`, "may import only none"],
    ["packages/server/src/a.ts", `export * from "@beeline/paths";`, "may import only protocol"],
    ["packages/novel/src/a.ts", "", "new package"],
    ["packages/client/src/a.ts", `import "@beeline/paths/src/relay.ts";`, "src/index.ts"],
    ["test/sim/a.test.ts", `await import("../../packages/paths/src/relay.ts");`, "@beeline/paths"],
    ["packages/protocol/src/a.ts", "const x = Math.random();", "random number as an argument"],
    ["packages/protocol/src/a.ts", "const t = Date.now();", "nowMs"],
    ["packages/protocol/src/a.ts", "const t = new Date();", "nowMs"],
    ["packages/protocol/src/a.ts", "setTimeout(wake, 5);", "own the timer"],
    ["packages/protocol/src/a.ts", `import fs from "node:fs";`, "any engine"],
    ["packages/protocol/src/a.ts", "const home = process.env.HOME;", "any engine"],
    ["packages/protocol/src/a.ts", "await fetch(url);", "input and output"],
    ["packages/server/src/a.ts", "console.log(1);", "logger"],
    ["packages/server/src/a.test.ts", "const x = y as any;", "unknown"],
    ["packages/server/src/a.test.ts", "test.only('x', f);", "whole file"],
    ["packages/server/src/a.ts", "// @ts-ignore\nx = 1;", "types true"],
    ["packages/server/src/a.ts", "// TODO: later", "open an issue"],
    ["packages/server/src/roomStore.ts", "", "kebab-case"],
    ["packages/server/src/room-utils.ts", "", `named "utils"`],
    ["packages/server/src/helpers/room.ts", "", `named "helpers"`],
    ["packages/server/src/a.ts", "class RoomManager {}", "RoomManager"],
  ])("%s with %j", (path, code, complaint) => {
    expect(complaintsAbout(sample(path, code))).toEqual([expect.stringContaining(complaint)]);
  });

  test("a file that opens with code", () => {
    const complaints = complaintsAbout({ path: "packages/server/src/a.ts", text: "let a = 1;\n" });
    expect(complaints).toEqual([expect.stringContaining("block comment")]);
  });

  test("a file of 401 lines, not of 400", () => {
    const path = "packages/server/src/a.ts";
    const text = `/** What it is. */${"\n".repeat(400)}`;
    expect(complaintsAbout({ path, text })).toEqual([]);
    expect(complaintsAbout({ path, text: `${text}\n` })).toEqual([
      expect.stringContaining("split it"),
    ]);
  });

  test("an import that only hoisting makes possible", () => {
    const own = { name: "@beeline/server", devDependencies: { "fast-check": "4" } };
    const root = { name: "beeline", devDependencies: { vitest: "4" } };
    const code = `import "pino"; import "vitest"; import "fast-check"; import "node:fs"; import "./a.ts";`;
    const undeclaredIn = (path: string) => undeclaredImports(sample(path, code), own, root);
    expect(undeclaredIn("packages/server/src/a.test.ts")).toEqual([
      expect.stringContaining("pino"),
    ]);
    expect(undeclaredIn("packages/server/src/a.ts")).toHaveLength(3);
  });
});

describe("no rule complains of", () => {
  test.each([
    ["packages/client/src/a.ts", `import type { Path } from "@beeline/paths";`],
    ["packages/beeline/src/a.ts", `import { pageFolder } from "@beeline/web/page";`],
    ["packages/client/src/b/a.ts", `import { x } from "../c.ts";`],
    ["packages/protocol/src/a.ts", "const t = new Date(nowMs).toISOString();"],
    ["packages/protocol/src/a.ts", "/* never Math.random() */ // nor Date.now()"],
    ["packages/protocol/src/a.ts", "export const processed = 1;"],
    ["packages/server/src/a.ts", "setTimeout(wake, Date.now() - x);"],
    ["packages/server/src/a.ts", `const help = "see // console for more";`],
    ["packages/server/src/commonality.ts", ""],
    ["packages/server/src/a.ts", `const bytes = Buffer.from("@beeline/web");`],
  ])("%s with %j", (path, code) => {
    expect(complaintsAbout(sample(path, code))).toEqual([]);
  });
});
