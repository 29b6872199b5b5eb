/** Hosts are cut off, roam and sleep by one call; and everything goes with the process that made it. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Host } from "../host.ts";
import { Lab } from "../lab.ts";
import { namespacesOf } from "../namespaces.ts";
import { DatagramAgent } from "../probes/datagrams.ts";
import { run } from "../system.ts";

/** The reaper ends processes and removes namespaces one after the other, 20 ms each. */
const GONE_MS = 20_000;
const PORT = 7_000;

let lab: Lab;
let far: DatagramAgent;

beforeAll(async () => {
  lab = await Lab.open();
  far = new DatagramAgent(await lab.host("far"));
  await far.open(PORT);
});
afterAll(async () => {
  await lab?.close();
});

/** Whether a ping gets there and back. */
function reaches(agent: DatagramAgent): boolean {
  try {
    agent.host.run("ping", "-c", "1", "-W", "1", far.host.urlHost("ipv4"));
    return true;
  } catch {
    return false;
  }
}

/** `R`, `S`, `T`, … or undefined for a process that has ended, noticed by its parent or not. */
function stateOf(pid: number | string | undefined): string | undefined {
  try {
    const [, state] = /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return state === "Z" ? undefined : state;
  } catch {
    return undefined;
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + GONE_MS; !isTrue(); await pause(20)) {
    if (Date.now() > deadline) throw new Error(`not within ${GONE_MS} ms: ${what}`);
  }
}

describe.each(["open", "cone"] as const)("a host, %s", (kind) => {
  let near: DatagramAgent;
  beforeAll(async () => {
    near = new DatagramAgent((await lab.site(`${kind}-h`, kind)).host);
    await near.open(PORT);
  });

  test("is cut off and restored, and keeps its address", async () => {
    expect(reaches(near)).toBe(true);
    await near.host.cut();
    expect(reaches(near)).toBe(false);
    await near.host.restore();
    expect(reaches(near)).toBe(true);
  });

  test("roams to another address; the old one is gone", async () => {
    const before = near.host.ipv4;
    await near.host.roam();
    expect(near.host.ipv4).not.toBe(before);
    expect(near.host.run("ip", "-4", "addr")).not.toContain(`${before}/`);
    expect(reaches(near)).toBe(true);
  });

  test("sleeps: neither its programs nor its network do anything", async () => {
    const started = near.host.spawn("sh", ["-c", "echo up; exec sleep 1000"]);
    await new Promise((resolve) => started.stdout?.once("data", resolve));
    await near.host.sleep();
    await until(() => stateOf(started.pid) === "T", "the program stands still");
    await far.send({ from: PORT, to: near.host.urlHost("ipv4"), port: PORT, count: 5 });
    await near.host.wake();
    expect(stateOf(started.pid)).not.toBe("T");
    expect(reaches(near)).toBe(true);
    expect(await near.flushed(PORT)).toEqual([]);
  });
});

test("a host moves from one network to another", async () => {
  const wifi = await lab.site("wifi", "cone");
  const mobile = await lab.router("mobile");
  const near = new DatagramAgent(wifi.host);
  await near.open(PORT);
  const seen = async (): Promise<string | undefined> => {
    await far.forget();
    await near.send({ from: PORT, to: far.host.urlHost("ipv4"), port: PORT });
    return (await far.receives(1))[0]?.from;
  };
  expect(await seen()).toBe(wifi.router?.ipv4);
  await near.host.roam(mobile);
  expect(await seen()).toBe(mobile.ipv4);
  await near.host.unplug();
  expect(reaches(near)).toBe(false);
});

/** Seconds left of addresses and routes that the machine was given for a while. */
const COUNTDOWNS = /(valid_lft|preferred_lft|expires) \S+/g;

/** The machine's own network, as far as a lab could have changed it. */
function ownNetwork(): string {
  return [
    ["ip", "link"],
    ["ip", "-4", "addr"],
    ["ip", "route"],
    ["ip", "-6", "route"],
    ["nft", "list", "ruleset"],
    ["sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"],
  ]
    .map(([program = "", ...args]) => spawnSync(program, args, { encoding: "utf8" }).stdout)
    .join("\n")
    .replace(COUNTDOWNS, "");
}

test("the machine's own network is left alone", async () => {
  const before = ownNetwork();
  const own = await Lab.open();
  const { host, uplink } = await own.site("home", "carrierSymmetric", { mbitPerSecond: 10 });
  await uplink.cut();
  await host.roam();
  expect(ownNetwork()).toBe(before);
  await own.close();
  expect(ownNetwork()).toBe(before);
});

test("closing leaves no namespace, no process and no file", async () => {
  const own = await Lab.open();
  const { host } = await own.site("home", "carrier");
  const { pid, stdout } = host.spawn("sh", ["-c", "echo up; exec sleep 1000"]);
  await new Promise((resolve) => stdout?.once("data", resolve));
  expect(namespacesOf(own.prefix)).toHaveLength(4);
  await own.close();
  expect(namespacesOf(own.prefix)).toEqual([]);
  expect(existsSync(own.folder)).toBe(false);
  expect(stateOf(pid)).toBeUndefined();
});

/** On that host: programs that each start the next one and end, so that no list of them is whole. */
async function startChains(host: Host): Promise<{ pids(): string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "chains-"));
  // Without their program chains end by themselves.
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const link = join(folder, "link.sh");
  writeFileSync(link, '#!/bin/sh\nsleep 0.05\n"$0" &\n', { mode: 0o755 });
  const chains = Array.from({ length: 12 }, () => link).join(" & ");
  const started = host.spawn("sh", ["-c", `${chains} & echo up`]);
  await new Promise((resolve) => started.stdout?.once("data", resolve));
  const isOne = (pid: string): boolean => {
    try {
      return (
        stateOf(pid) !== undefined && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(link)
      );
    } catch {
      return false;
    }
  };
  return {
    pids: () =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter(isOne),
  };
}

test("a host sleeps although its programs keep starting others", async () => {
  const { host } = await lab.site("chain", "open");
  const chains = await startChains(host);
  for (let round = 0; round < 3; round++) {
    await host.sleep();
    // One that was ending as it was told to stand still ends all the same.
    // "D": a shell whose child was stopped before it became another program waits for that (vfork).
    const stand = () => chains.pids().every((pid) => /[TD]/.test(stateOf(pid) ?? "T"));
    await until(stand, "all stand still");
    const asleep = chains.pids();
    expect(asleep.length).toBeGreaterThan(0);
    expect(chains.pids()).toEqual(asleep);
    await host.wake();
  }
});

/** An `ip` that starts a program in a namespace just after it has, for the first time, listed who is there. */
function startBehindTheList(): { pid(): string } {
  const folder = mkdtempSync(join(tmpdir(), "late-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const real = run("sh", ["-c", "command -v ip"]).trim();
  const script = [
    "#!/bin/sh",
    `said=$(${real} "$@") || exit`,
    `if [ "$1 $2" = "netns pids" ] && mkdir ${folder}/started 2>/dev/null; then`,
    '  nsenter --net=/run/netns/"$3" sleep 1000 >/dev/null 2>&1 &',
    `  echo $! >${folder}/pid`,
    `  until ${real} netns pids "$3" | grep -qx $!; do :; done`,
    "fi",
    '[ -z "$said" ] || echo "$said"',
  ].join("\n");
  writeFileSync(join(folder, "ip"), `${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { pid: () => readFileSync(join(folder, "pid"), "utf8").trim() };
}

test("closing leaves no process, not even one that was started while others were ended", async () => {
  const late = startBehindTheList();
  const own = await Lab.open();
  const host = await own.host("busy");
  const { stdout } = host.spawn("sh", ["-c", "echo up; exec sleep 1000"]);
  await new Promise((resolve) => stdout?.once("data", resolve));
  await own.close();
  onTestFinished(() => void spawnSync("kill", ["-KILL", late.pid()]));
  expect(stateOf(late.pid())).toBeUndefined();
});

test("a lab whose process is killed leaves no namespace, no process and no file", async () => {
  const child = spawn(
    process.execPath,
    [
      ...["--import", "tsx", "--conditions=@beeline/source"],
      join(import.meta.dirname, "../probes/doomed.ts"),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = await new Promise<string>((resolve) =>
    child.stdout.once("data", (text) => resolve(String(text))),
  );
  const { prefix, folder, pid } = JSON.parse(said) as Record<"prefix" | "folder" | "pid", string>;
  expect(namespacesOf(prefix).length).toBeGreaterThan(2);
  child.kill("SIGKILL");
  await until(() => namespacesOf(prefix).length === 0, "the namespaces are gone");
  await until(() => !existsSync(folder), "the folder is gone");
  expect(stateOf(pid)).toBeUndefined();
});

test("a lab removes what one left behind that could not clean up", async () => {
  // No process has that id: it is beyond what Linux gives out.
  const left = "bl-9999999-beef-home";
  spawnSync("ip", ["netns", "add", left]);
  onTestFinished(() => void spawnSync("ip", ["netns", "delete", left]));
  expect(namespacesOf(left)).toEqual([left]);
  await (await Lab.open()).close();
  expect(namespacesOf(left)).toEqual([]);
});
