/** Two transports in one process over real sockets: routes, servers, restarts, ends. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test, vi } from "vitest";
import { classes, Message, methods, parseMessage } from "werift";
import type { RtcSignal } from "../rtc-peer.ts";
import { DataTransport } from "./data-transport.ts";
import { hostAddresses } from "./host-addresses.ts";

const CONNECT_MS = 8_000;
type IceServers = readonly { urls: string }[];

class End {
  readonly events: string[] = [];
  readonly signals: RtcSignal[] = [];
  readonly data: string[] = [];
  readonly transport: DataTransport;
  other: End | undefined;

  constructor(isOfferer: boolean, iceServers: IceServers) {
    const options = { isOfferer, iceServers, sctpPort: 5_000, maxMessageBytes: 65_536 };
    this.transport = new DataTransport(options, {
      onSignal: (signal) => {
        this.signals.push(signal);
        const other = this.other;
        queueMicrotask(() => other?.transport.accept(signal));
      },
      onPhase: (phase) => this.events.push(phase),
      onSecured: () => this.events.push("open"),
      onDatagram: (payload) => this.data.push(payload.toString()),
      onClosed: (reason) => this.events.push(reason),
    });
    onTestFinished(() => this.transport.close());
  }

  get candidates(): string[] {
    return this.signals.flatMap((signal) =>
      signal.kind === "candidate" ? [signal.candidate.candidate] : [],
    );
  }
}

function startPair(iceServers: IceServers = []): { offerer: End; answerer: End } {
  const offerer = new End(true, iceServers);
  const answerer = new End(false, []);
  offerer.other = answerer;
  answerer.other = offerer;
  return { offerer, answerer };
}

async function openPair(): Promise<{ offerer: End; answerer: End }> {
  const pair = startPair();
  await untilOpen(pair);
  return pair;
}

async function untilOpen({ offerer, answerer }: { offerer: End; answerer: End }): Promise<void> {
  await expect
    .poll(() => [offerer.events.at(-1), answerer.events.at(-1)], { timeout: CONNECT_MS })
    .toEqual(["open", "open"]);
}

async function expectTalk({ offerer, answerer }: { offerer: End; answerer: End }): Promise<void> {
  const before = answerer.data.length;
  offerer.transport.send(Buffer.from("there"));
  await expect.poll(() => answerer.data.slice(before)).toEqual(["there"]);
  const after = offerer.data.length;
  answerer.transport.send(Buffer.from("back"));
  await expect.poll(() => offerer.data.slice(after)).toEqual(["back"]);
}

/** A STUN server that says everybody has this address, or says nothing. */
async function startStun(
  mapped: string | undefined,
): Promise<{ url: string; asked: () => number }> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  let count = 0;
  socket.on("message", (datagram, from) => {
    count += 1;
    const question = parseMessage(datagram);
    if (question === undefined || mapped === undefined) return;
    const answer = new Message(methods.BINDING, classes.RESPONSE, question.transactionId);
    answer.setAttribute("XOR-MAPPED-ADDRESS", [mapped, from.port]).addFingerprint();
    socket.send(answer.bytes, from.port, from.address);
  });
  socket.bind(0);
  await once(socket, "listening");
  const [first] = hostAddresses(networkInterfaces());
  return { url: `stun:${first}:${socket.address().port}`, asked: () => count };
}

test("a pair connects, phase by phase, and carries datagrams both ways", async () => {
  const pair = await openPair();
  expect(pair.offerer.events).toEqual(["signaled", "checking", "connected", "secured", "open"]);
  await expectTalk(pair);
  pair.offerer.transport.close();
  await expect.poll(() => pair.answerer.events.at(-1)).toBe("channel-closed");
  expect(pair.offerer.events.at(-1)).toBe("open");
});

test("every STUN server is asked, and a silent one holds nothing up", async () => {
  const servers = [
    await startStun("203.0.113.1"),
    await startStun(undefined),
    await startStun("203.0.113.2"),
  ];
  const pair = startPair(servers.map(({ url }) => ({ urls: url })));
  await untilOpen(pair);
  const reflexive = () =>
    pair.offerer.candidates.flatMap((text) => / (\S+) \d+ typ srflx/.exec(text)?.[1] ?? []).sort();
  await expect.poll(() => new Set(reflexive())).toEqual(new Set(["203.0.113.1", "203.0.113.2"]));
  expect(servers.every(({ asked }) => asked() > 0)).toBe(true);
});

test("an ICE restart takes new credentials and leaves the association alone", async () => {
  const pair = await openPair();
  const userOf = (end: End) =>
    end.signals.flatMap((signal) =>
      signal.kind === "candidate" ? [] : (/a=ice-ufrag:(\S+)/.exec(signal.sdp)?.[1] ?? []),
    );
  pair.offerer.transport.restartIce();
  pair.offerer.transport.send(Buffer.from("while it restarts"));
  await expect.poll(() => pair.answerer.data).toEqual(["while it restarts"]);
  await expect
    .poll(() => pair.offerer.events.filter((event) => event === "connected").length, {
      timeout: CONNECT_MS,
    })
    .toBe(2);
  await expectTalk(pair);
  for (const end of [pair.offerer, pair.answerer]) expect(new Set(userOf(end)).size).toBe(2);
  expect(pair.offerer.events.filter((event) => event === "open")).toEqual(["open"]);
});

test("an ICE restart that nobody answers ends after half a minute", async () => {
  const { offerer } = await openPair();
  offerer.other = undefined;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  offerer.transport.restartIce();
  vi.advanceTimersByTime(29_000);
  expect(offerer.events.at(-1)).toBe("open");
  vi.advanceTimersByTime(1_000);
  expect(offerer.events.at(-1)).toBe("went-dark");
});

test("an ICE restart that is answered ends nothing later", async () => {
  const pair = await openPair();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  pair.offerer.transport.restartIce();
  const connected = () => pair.offerer.events.filter((event) => event === "connected").length;
  await vi.waitUntil(() => connected() === 2, { timeout: CONNECT_MS });
  vi.advanceTimersByTime(29_000);
  expect(pair.offerer.events.at(-1)).toBe("connected");
});

test("a stranger's unsigned check is not answered", async () => {
  const { offerer } = await openPair();
  const [, address = "", port = ""] =
    / (\S+) (\d+) typ host/.exec(offerer.candidates[0] ?? "") ?? [];
  const stranger = createSocket("udp4");
  onTestFinished(() => void stranger.close());
  let answers = 0;
  stranger.on("message", () => {
    answers += 1;
  });
  const [user = ""] = offerer.signals.flatMap((signal) =>
    signal.kind === "offer" ? (/a=ice-ufrag:(\S+)/.exec(signal.sdp)?.[1] ?? []) : [],
  );
  const names = [user, "constructor", "toString", "__proto__", ""];
  const passwords = [undefined, "a wrong password, 22 long"];
  for (const [name, password] of names.flatMap((name) =>
    passwords.map((p) => [name, p] as const),
  )) {
    const check = new Message(methods.BINDING, classes.REQUEST);
    check.setAttribute("USERNAME", `${name}:evil`).setAttribute("PRIORITY", 1);
    if (password !== undefined) check.addMessageIntegrity(Buffer.from(password)).addFingerprint();
    stranger.send(check.bytes, Number(port), address);
  }
  for (let turn = 0; turn < 5; turn += 1) {
    await expectTalk({ offerer, answerer: offerer.other as End });
  }
  expect(answers).toBe(0);
});

test.each([
  ["a description of something else", { kind: "answer", sdp: "v=0" }, ["ice-failed"]],
  ["an offer to the offerer", { kind: "offer", sdp: "v=0" }, ["ice-failed"]],
] as const)("%s ends the attempt, once", async (_name, signal, expected) => {
  const end = new End(true, []);
  end.transport.accept(signal);
  end.transport.accept(signal);
  expect(end.events).toEqual(expected);
});

test("nothing stays behind after closing, whatever was under way", async () => {
  const silent = await startStun(undefined);
  const resources = () =>
    process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length;
  // That of the silent server; those of the tests before are being closed.
  await expect.poll(resources).toBe(1);
  const pair = startPair([{ urls: silent.url }]);
  await expect.poll(() => pair.offerer.candidates.length).toBeGreaterThan(0);
  await expect.poll(silent.asked).toBeGreaterThan(0);
  pair.offerer.transport.close();
  pair.answerer.transport.close();
  await expect.poll(resources).toBe(1);
});
