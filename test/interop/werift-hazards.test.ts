/**
 * The hazards of werift 0.24.4 that packages/paths/src/rtc/werift.ts shields us from (guide
 * p2p-transport, section 4A). Each test fails when its shield is taken out.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import dns from "node:dns";
import { once } from "node:events";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadSimplePeer, type RtcSignal } from "@beeline/paths";
import { additionalHostAddresses, createWeriftPeer } from "@beeline/paths/werift";
import { type IceServer, MAX_RECORD_BYTES } from "@beeline/protocol";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DTLS_CONTENT, dtlsRecords, recordDatagrams } from "../support/datagrams.ts";
import { Changes, within } from "../support/deadline.ts";
import { LocalRtcEnd } from "../support/rtc-end.ts";
import { carrySignals, type RtcPair } from "../support/rtc-signals.ts";

const OPEN_MS = 8_000;
/** werift repeats a lost packet after 1 s at the earliest, after 3 s at first. */
const UNREPEATED_MS = 800;
/** Without their shields, werift waits 5 s for a STUN server's answer before it offers or ends. */
const UNSHIELDED_MS = 5_000;
/** Finished is record 6 or 8; this many messages, each with an acknowledgement, go well past it. */
const PAST_FINISHED = 20;

async function startPair(iceServers: readonly IceServer[]): Promise<RtcPair> {
  const createSimplePeer = await loadSimplePeer();
  if (createSimplePeer === undefined) throw new Error("type: npm install @roamhq/wrtc");
  const offerer = new LocalRtcEnd(createWeriftPeer);
  const answerer = new LocalRtcEnd(createSimplePeer);
  onTestFinished(async () => {
    await Promise.all([offerer.close(), answerer.close()]);
  });
  await answerer.start({ iceServers: [] });
  await offerer.start({ iceServers });
  return { offerer, answerer };
}

async function openPair(iceServers: readonly IceServer[] = []): Promise<RtcPair> {
  const pair = await startPair(iceServers);
  const carrying = carrySignals(pair);
  carrying.catch(() => {});
  await Promise.all([pair.offerer.heard("open", OPEN_MS), pair.answerer.heard("open", OPEN_MS)]);
  return pair;
}

/** A UDP port that takes everything and answers nothing. */
async function swallowingPort(): Promise<{ port: number; asked: Promise<unknown> }> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  const asked = once(socket, "message");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, asked };
}

describe("DTLS record numbers", () => {
  test("never repeat, so that no AES-GCM nonce is used twice", async () => {
    const datagrams = recordDatagrams();
    const { offerer, answerer } = await openPair();
    await offerer.sendMany(0, PAST_FINISHED, 100);
    await answerer.received(PAST_FINISHED, OPEN_MS);

    const sealed = dtlsRecords(datagrams).filter(({ epoch }) => epoch > 0);
    const of = (type: number) => sealed.filter(({ contentType }) => contentType === type);
    expect(of(DTLS_CONTENT.handshake).length).toBeGreaterThan(0);
    expect(of(DTLS_CONTENT.applicationData).length).toBeGreaterThan(PAST_FINISHED);
    // A flight that is sent again is the same bytes under the same number: that gives nothing away.
    const records = new Set(sealed.map((record) => JSON.stringify(record)));
    const numbers = new Set(sealed.map(({ epoch, sequence }) => `${epoch}:${sequence}`));
    expect(records.size - numbers.size, "different records under one number").toBe(0);
  });

  // A busy machine answers late: what one calm attempt of three shows is what the records do.
  test("never make the other side take a fresh record for a replayed one", {
    retry: 2,
  }, async () => {
    const { offerer, answerer } = await openPair();
    for (let number = 0; number < PAST_FINISHED; number += 1) {
      await offerer.sendMany(number, 1, 100);
      await answerer.received(number + 1, UNREPEATED_MS);
    }
  });
});

describe("messages", () => {
  test("an empty one is refused and the next ones arrive", async () => {
    const { offerer, answerer } = await openPair();
    expect(await offerer.trySend(0)).toBe("LIMIT_EXCEEDED");
    await offerer.sendMany(0, 3, 100);
    await answerer.received(3, OPEN_MS);
    expect((await answerer.story()).damaged).toEqual([]);
  });

  test.each([MAX_RECORD_BYTES + 1, 65_536, 65_537, 1024 * 1024])(
    "one of %i bytes is refused before it is buffered",
    async (bytes) => {
      const { offerer, answerer } = await openPair();
      expect(await offerer.trySend(bytes)).toBe("LIMIT_EXCEEDED");
      expect((await offerer.story()).buffered).toBe(0);
      await offerer.sendMany(0, 1, MAX_RECORD_BYTES);
      await answerer.received(1, OPEN_MS);
    },
  );
});

describe("a STUN server that never answers", () => {
  test("holds up neither the offer nor the channel", async () => {
    const { port, asked } = await swallowingPort();
    const startedAtMs = performance.now();
    const pair = await startPair([{ urls: `stun:127.0.0.1:${port}` }]);
    const signals: RtcSignal[] = [];
    while (!signals.some(({ kind }) => kind === "offer")) {
      signals.push(...(await pair.offerer.takeSignals()));
    }
    expect(performance.now() - startedAtMs).toBeLessThan(0.8 * UNSHIELDED_MS);
    await pair.answerer.accept(signals);
    carrySignals(pair).catch(() => {});
    await Promise.all([pair.offerer.heard("open", OPEN_MS), pair.answerer.heard("open", OPEN_MS)]);
    expect(performance.now() - startedAtMs).toBeLessThan(0.9 * UNSHIELDED_MS);
    await within(OPEN_MS, "the question to the STUN server", asked);
  });

  test("keeps nothing alive after the peer was closed", async () => {
    const { port } = await swallowingPort();
    const child = startProcess(process.execPath, weriftProcess("close-early", `${port}`));
    await child.lines.until(OPEN_MS, "a candidate", () => child.printed[0]);
    expect(await within(0.8 * UNSHIELDED_MS, "the end of the process", child.ended)).toBe(0);
  });
});

test("without a STUN server nobody is asked: no name is looked up, no stranger written to", async () => {
  const lookups = [vi.spyOn(dns, "lookup"), vi.spyOn(dns.promises, "lookup")];
  onTestFinished(() => {
    for (const lookup of lookups) lookup.mockRestore();
  });
  const datagrams = recordDatagrams();
  await openPair([]);

  const names = lookups.flatMap((lookup) => lookup.mock.calls.map(([name]) => name));
  expect(names.filter((name) => isIP(name) === 0)).toEqual([]);
  const own = Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map((one) => one.address),
  );
  expect(datagrams.length).toBeGreaterThan(0);
  const strangers = datagrams.filter(({ address }) => !own.includes(address));
  expect(strangers.map(({ address }) => address)).toEqual([]);
});

describe("interfaces that werift passes over", () => {
  const at = (address: string, internal = false) => ({
    address,
    internal,
    family: address.includes(":") ? ("IPv6" as const) : ("IPv4" as const),
    netmask: "",
    mac: "",
    cidr: null,
    ...(address.includes(":") ? { scopeid: 0 } : {}),
  });
  const lo = [at("127.0.0.1", true)];

  test.each([
    ["ordinary ones are left to werift", { lo, eth0: [at("192.0.2.5")] }, []],
    ["a VPN's is added", { lo, eth0: [at("192.0.2.5")], tun0: [at("10.8.0.2")] }, ["10.8.0.2"]],
    [
      "so are all the others",
      {
        lo,
        utun4: [at("10.1.0.1")],
        tap0: [at("10.2.0.1")],
        ipsec0: [at("10.3.0.1")],
        vmnet8: [at("10.4.0.1")],
        veth1a2b: [at("10.5.0.1"), at("fd00::5")],
      },
      ["10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1", "fd00::5"],
    ],
    [
      "link-local addresses are not",
      { lo, tun0: [at("169.254.1.1"), at("fe80::1")] },
      ["127.0.0.1"],
    ],
    ["a machine without a network has itself", { lo }, ["127.0.0.1"]],
    ["an interface without addresses counts for nothing", { lo, eth0: undefined }, ["127.0.0.1"]],
  ])("%s", (_name, interfaces, expected) => {
    expect(additionalHostAddresses(interfaces as ReturnType<typeof networkInterfaces>)).toEqual(
      expected,
    );
  });

  test("a real interface called tun0 becomes a candidate", async (context) => {
    const script = [
      "ip link add tun0 type veth peer name tap0",
      "ip addr add 10.77.0.1/24 dev tun0",
      "ip link set tun0 up",
      "ip link set tap0 up",
    ].join(" && ");
    const isolated = ["--user", "--map-root-user", "--net", "sh", "-c"];
    try {
      execFileSync("unshare", [...isolated, script], { stdio: "ignore" });
    } catch {
      context.skip(
        "needs Linux, iproute2 and a kernel that lets this user make a network namespace",
      );
    }
    const command = `${script} && exec "$0" "$@"`;
    const child = startProcess("unshare", [
      ...isolated,
      command,
      process.execPath,
      ...weriftProcess("gather"),
    ]);
    await child.lines.until(OPEN_MS, "the candidate of tun0", () =>
      child.printed.find((line) => line.includes(" 10.77.0.1 ")),
    );
    child.process.stdin?.write("enough\n");
    child.process.stdin?.end();
    expect(await within(OPEN_MS, "the end of the process", child.ended)).toBe(0);
  });
});

function weriftProcess(...values: string[]): string[] {
  const path = fileURLToPath(new URL("../support/werift-process.ts", import.meta.url));
  return ["--conditions", "@beeline/source", "--import", "tsx", path, ...values];
}

function startProcess(command: string, values: readonly string[]) {
  const child: ChildProcess = spawn(command, values, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const lines = new Changes();
  const printed: string[] = [];
  if (child.stdout === null) throw new Error("no output to read");
  createInterface(child.stdout).on("line", (line) => {
    printed.push(line);
    lines.notify();
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { process: child, printed, lines, ended };
}
