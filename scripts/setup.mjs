/**
 * Makes a clone ready, whatever state it is in: `node scripts/setup.mjs build|test`.
 *
 * `build` installs the dependencies and builds what `npm start` runs; `test` also sees to a
 * Chromium and to the servers that tests run against (see services.mjs). `npm start` and `npm test`
 * call it first, so there is no set-up to know about. Each step is skipped when nothing has changed
 * since it last succeeded, and a run with nothing to do prints nothing and takes a fraction of a
 * second. It changes nothing outside node_modules and the packages' dist folders (but see
 * chromium.mjs).
 *
 * Plain JavaScript on Node's own modules only: it runs before `npm ci` has.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findChromium, installChromium } from "./chromium.mjs";
import { installServices } from "./services.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BUILD_STAMP = join(ROOT, "node_modules/.cache/beeline/build");

/** The oldest Node that every dependency accepts, as in package.json's `engines`. */
const OLDEST_NODE = [20, 19];

/** What goes into a build, besides each package's own files. */
const SHARED_SOURCES = ["package-lock.json", "tsconfig.base.json"];
const NOT_SOURCES = /^(dist|node_modules|\..*|.*\.test\..*)$/;

/** In the order in which they need one another: the page brings its own copy of the client. */
const BUILD_STEPS = [
  { what: "the packages", command: ["npm", "run", "build:packages"] },
  { what: "the client's module", command: ["npm", "run", "build", "-w", "@beeline/client"] },
  { what: "the page", command: ["npm", "run", "build", "-w", "@beeline/web"] },
];

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `Beeline needs Node ${OLDEST_NODE.join(".")} or later; this is ${process.versions.node}.\n` +
      "Install a current Node from nodejs.org, then type the same command again.",
  );
}

/** Installs what package-lock.json names, unless node_modules holds just that. */
function installDependencies() {
  if (isInstalled()) return;
  step("Installing the dependencies (half a minute)", ["npm", "ci", "--no-audit", "--no-fund"]);
}

/**
 * Whether node_modules holds the locked version of every package. npm keeps its own record there
 * and writes it last, so an interrupted install is seen too. A package made for another platform
 * is optional, and is not missed.
 * @returns {boolean}
 */
function isInstalled() {
  const record = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const installed = readPackages(record);
  return Object.entries(readPackages(join(ROOT, "package-lock.json"))).every(
    ([path, { version, optional }]) => {
      const found = installed[path];
      return path === "" || (found === undefined ? optional === true : found.version === version);
    },
  );
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function readPackages(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

/** Builds, unless sources and outputs are those of the last build that succeeded. */
function build() {
  const sources = fingerprint();
  const outputs = ["beeline", "client", "web"].map((name) => join(ROOT, "packages", name, "dist"));
  const isFresh = existsSync(BUILD_STAMP) && readFileSync(BUILD_STAMP, "utf8") === sources;
  if (isFresh && outputs.every((folder) => existsSync(folder))) return;
  for (const { what, command } of BUILD_STEPS) step(`Building ${what}`, command);
  mkdirSync(dirname(BUILD_STAMP), { recursive: true });
  writeFileSync(BUILD_STAMP, sources);
}

/**
 * Names, sizes and times of everything a build reads: a file changed, added or removed gives
 * another fingerprint, and nothing has to be read to know it.
 * @returns {string}
 */
function fingerprint() {
  const hash = createHash("sha256");
  /** @param {string} path */
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  /** @param {string} folder */
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (NOT_SOURCES.test(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else add(path);
    }
  };
  for (const file of SHARED_SOURCES) add(join(ROOT, file));
  walk(join(ROOT, "packages"));
  return hash.digest("hex");
}

/**
 * Runs one long step: a line before it, its time after it, its output only if it fails.
 * @param {string} title
 * @param {string[]} command
 */
function step(title, [program = "", ...args]) {
  process.stdout.write(`${title} … `);
  const startedAtMs = Date.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    // npm is a batch file on Windows, which only a shell starts.
    shell: process.platform === "win32",
    // A failing install prints much, and the reason stands at its end.
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) {
    process.stdout.write(`${((Date.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stdout.write("failed\n");
  throw new Error(`${stdout}${stderr}${error ?? ""}\n${[program, ...args].join(" ")} failed.`);
}

/** @param {string | undefined} goal */
function setUp(goal) {
  if (goal !== "build" && goal !== "test") {
    throw new Error("usage: node scripts/setup.mjs build|test");
  }
  checkNode();
  installDependencies();
  build();
  if (goal !== "test") return;
  if (findChromium() === undefined) installChromium(console.log);
  getServices();
}

/** Without them a developer's run skips their tests, by name; CI's must not. */
function getServices() {
  try {
    installServices(console.log);
  } catch (error) {
    if (process.env.CI) throw error;
    console.log(`${error instanceof Error ? error.message : error}\nUntil then they are skipped.`);
  }
}

try {
  setUp(process.argv[2]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
