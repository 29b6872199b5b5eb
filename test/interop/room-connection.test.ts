/**
 * A peer's place in a room, against the real server: what brings it back and what ends it. Here and
 * not beside its source, because packages/paths may not import the server.
 */
import type { AddressInfo } from "node:net";
import {
  type Clock,
  type Joined,
  RoomConnection,
  type RoomOptions,
  realClock,
} from "@beeline/paths";
import { type BeelineError, PEER_SOCKET_PATH, type Presence, RelayFrame } from "@beeline/protocol";
import { Server, type Socket } from "socket.io";
import { expect, onTestFinished, test } from "vitest";
import { Changes } from "../support/deadline.ts";
import {
  ask,
  BeelinePeer,
  ShippedPeer,
  startLinkServer,
  type TestServer,
} from "../support/link-server.ts";

/** Longer than the rest after a refusal (3 s) and between two attempts to connect (5 s). */
const JOIN_MS = 12_000;

/** Waits a hundredth of what it is asked to. */
const hurriedClock: Clock = {
  nowMs: realClock.nowMs,
  after: (delayMs, callback) => realClock.after(delayMs / 100, callback),
};

/** Waits until the test says that the time has come. */
class HeldClock implements Clock {
  readonly nowMs = realClock.nowMs;
  readonly waits: { readonly delayMs: number; readonly over: () => void }[] = [];
  readonly changes = new Changes();

  after(delayMs: number, over: () => void): () => void {
    this.waits.push({ delayMs, over });
    this.changes.notify();
    return () => {};
  }
}

type Heard =
  | { readonly kind: "joined"; readonly joined: Joined }
  | { readonly kind: "down"; readonly error: BeelineError }
  | { readonly kind: "end"; readonly error: BeelineError }
  | { readonly kind: "presence"; readonly presence: Presence }
  | { readonly kind: "rekey"; readonly key: string }
  | { readonly kind: "signal"; readonly from: string; readonly message: unknown }
  | { readonly kind: "relay"; readonly from: string; readonly message: unknown };

class Member {
  readonly heard: Heard[] = [];
  readonly room: RoomConnection;
  drains = 0;
  readonly #changes = new Changes();
  #taken = 0;

  constructor(
    server: Pick<TestServer, "url">,
    options: Omit<RoomOptions, "server">,
    clock: Clock = realClock,
  ) {
    this.room = new RoomConnection({ server: server.url, ...options }, clock, {
      onJoined: (joined) => this.#add({ kind: "joined", joined }),
      onDown: (error) => this.#add({ kind: "down", error }),
      onPresence: (presence) => this.#add({ kind: "presence", presence }),
      onRekey: (key) => this.#add({ kind: "rekey", key }),
      onSignal: (from, message) => this.#add({ kind: "signal", from, message }),
      onRelay: (from, message) => this.#add({ kind: "relay", from, message }),
      onDrain: () => void this.drains++,
      onDialect: () => {},
      onIceServers: () => {},
      onEnd: (error) => this.#add({ kind: "end", error }),
    });
    onTestFinished(() => this.room.close());
  }

  /** The next of this kind, passing over everything before it. */
  next<K extends Heard["kind"]>(kind: K): Promise<Extract<Heard, { kind: K }>> {
    return this.#changes.until(JOIN_MS, `${kind} after ${this.#kinds}`, () => {
      const at = this.heard.findIndex(
        (heard, index) => index >= this.#taken && heard.kind === kind,
      );
      if (at < 0) return undefined;
      this.#taken = at + 1;
      return this.heard[at] as Extract<Heard, { kind: K }>;
    });
  }

  get #kinds(): string {
    return this.heard.map(({ kind }) => kind).join(", ");
  }

  #add(heard: Heard): void {
    this.heard.push(heard);
    this.#changes.notify();
  }
}

const as = (
  role: "client" | "extension",
  key: string,
  token?: string,
): Omit<RoomOptions, "server"> => ({
  role,
  key,
  token,
  name: role,
  capabilities: ["session/1"],
  ...(role === "extension" ? { installId: "0123456789abcdef" } : {}),
});

test("two members see each other, signal and relay", async () => {
  const server = await startLinkServer();
  const { key, token } = await server.createAccountInstance();
  const client = new Member(server, as("client", key, token));
  const { joined } = await client.next("joined");
  const extension = new Member(server, as("extension", key));
  const { joined: joinedToo } = await extension.next("joined");
  expect(joinedToo.presence.peers.map(({ role }) => role).sort()).toEqual(["client", "extension"]);

  client.room.signal(joinedToo.peerId, { hello: 1 });
  expect(await extension.next("signal")).toMatchObject({
    from: joined.peerId,
    message: { hello: 1 },
  });
  const frame = new RelayFrame();
  frame.add(new Uint8Array([1, 2, 3]));
  extension.room.relay(joined.peerId, frame.take());
  const { from, message } = await client.next("relay");
  expect(from).toBe(joinedToo.peerId);
  expect(new Uint8Array(message as Uint8Array)).toEqual(new Uint8Array([1, 2, 3]));
});

test("10,000 models go from our own extension to a shipped site, in order and whole", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  await site.join(key);
  const extension = new Member(server, as("extension", key));
  await extension.next("joined");
  const resources = Array.from({ length: 10_000 }, (_, index) => ({
    type: "LORA",
    hash: index.toString(16).padStart(64, "0"),
    // Cut anywhere, a letter may end in the next part.
    name: `пчела-${index}`,
    path: `/home/somebody/stable-diffusion/models/Lora/some-folder/a-model-${index}.safetensors`,
    hasPreview: false,
  }));
  for (const id of ["first", "second"]) {
    extension.room.dialect("commandStatus", { id, type: "resources:list", resources });
  }
  for (const id of ["first", "second"]) {
    const [status] = await site.next("commandStatus");
    expect(status).toEqual({ id, type: "resources:list", resources });
  }
});

test("after a restart of the server a member joins again, by the key it was given meanwhile", async () => {
  const server = await startLinkServer();
  const { key, token } = await server.createAccountInstance();
  const client = new Member(server, as("client", key, token));
  await client.next("joined");
  const extension = new Member(server, as("extension", key));
  const lasting = (await extension.next("rekey")).key;
  expect((await client.next("rekey")).key).toBe(lasting);
  expect([client.room.key, extension.room.key]).toEqual([lasting, lasting]);

  await server.server.close();
  expect((await client.next("down")).error.code).toBe("SERVER_UNREACHABLE");
  await extension.next("down");
  expect(client.room.canSend).toBe(false);
  await startLinkServer({ dataDir: server.dataDir, port: server.port });
  await Promise.all([client.next("joined"), extension.next("joined")]);
  expect(client.room.canSend).toBe(true);
  expect([...client.heard, ...extension.heard].filter(({ kind }) => kind === "end")).toEqual([]);
});

test("a transport that is dropped on purpose comes back by itself", async () => {
  const server = await startLinkServer();
  const { key, token } = await server.createAccountInstance();
  const client = new Member(server, as("client", key, token));
  await client.next("joined");
  client.room.reconnect();
  await client.next("down");
  await client.next("joined");
});

test.each(["f".repeat(128), "abcdef"])("a key that does not exist ends it: %s", async (key) => {
  const server = await startLinkServer();
  const member = new Member(server, as("extension", key));
  expect((await member.next("end")).error.code).toBe("LINK_KEY_UNKNOWN");
  expect(member.heard.map(({ kind }) => kind)).toEqual(["end"]);
  expect(member.room.canSend).toBe(false);
});

test("a link that its owner deletes ends it", async () => {
  const server = await startLinkServer();
  const { id, key, cookie } = await server.createInstance();
  const member = new Member(server, as("extension", key));
  await member.next("joined");
  await ask(server.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });
  expect((await member.next("end")).error.code).toBe("LINK_REVOKED");
});

/** A server whose error codes are not known here. */
async function startNewerServer(serve: (socket: Socket) => void): Promise<{ url: string }> {
  const server = new Server(0, { path: PEER_SOCKET_PATH });
  onTestFinished(() => server.close());
  server.on("connection", serve);
  const { port } = server.httpServer.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}` };
}

const NEWER = { code: "LINK_ASLEEP", message: "the link sleeps" };
const NEWER_READ = { code: "INTERNAL", detail: "LINK_ASLEEP: the link sleeps" };
const WELCOME = {
  ...{ ok: true, peerId: "one", presence: { peers: [] } },
  ...{ iceServers: [], instanceName: null },
};

test("who is kicked for a reason that only newer servers know is out all the same", async () => {
  const server = await startNewerServer((socket) => {
    socket.on("join", (_request, ack) => ack(WELCOME));
    socket.on("signal", () => socket.emit("kicked", NEWER));
  });
  const member = new Member(server, as("client", "abcdef"));
  await member.next("joined");
  member.room.signal("anybody", {});
  expect((await member.next("end")).error).toMatchObject(NEWER_READ);
});

test.each([
  ["final", false, "end"],
  ["for now", true, "down"],
] as const)("a join refused %s for such a reason is refused", async (_how, retry, heard) => {
  const server = await startNewerServer((socket) => {
    socket.on("join", (_request, ack) => ack({ ok: false, error: NEWER, retry }));
  });
  const member = new Member(server, as("client", "abcdef"));
  expect((await member.next(heard)).error).toMatchObject(NEWER_READ);
});

test("a sender that is limited for such a reason pauses", async () => {
  const server = await startNewerServer((socket) => {
    socket.on("join", (_request, ack) => ack(WELCOME));
    socket.on("signal", () => socket.emit("limited", { ...NEWER, retryAfterMs: 100 }));
  });
  const clock = new HeldClock();
  const member = new Member(server, as("client", "abcdef"), clock);
  await member.next("joined");
  member.room.signal("anybody", {});
  const pause = await clock.changes.until(JOIN_MS, "a pause", () => clock.waits[0]);
  expect(pause.delayMs).toBe(100);
  expect(member.room.canSend).toBe(false);
});

test("a refusal that may pass is no end: the member tries again, and gets in", async () => {
  let nowMs = 0;
  const server = await startLinkServer({ now: () => nowMs });
  const { key } = await server.createInstance();
  const guesser = new BeelinePeer(server, "client");
  for (let guess = 0; guess < 11; guess += 1) await guesser.join(`00000${guess.toString(16)}`);
  const member = new Member(server, as("extension", key), hurriedClock);
  expect((await member.next("down")).error.code).toBe("RATE_LIMITED");
  nowMs += 5 * 60_000;
  await member.next("joined");
  expect(member.heard.filter(({ kind }) => kind === "end")).toEqual([]);
});

test("a closed member says nothing more", async () => {
  const server = await startLinkServer();
  const { key, token } = await server.createAccountInstance();
  const member = new Member(server, as("client", key, token));
  await member.next("joined");
  const count = member.heard.length;
  member.room.close();
  await server.server.close();
  member.room.reconnect();
  member.room.signal("nobody", {});
  expect(member.heard.length).toBe(count);
});

test("a sender that is told of a limit pauses for as long as the server says, and then goes on", async () => {
  const rate = 64 * 1024;
  const server = await startLinkServer({ relayBytesPerSecond: rate });
  const { key } = await server.createInstance();
  const page = new BeelinePeer(server, "client");
  const { peerId } = await page.enter(key);
  const clock = new HeldClock();
  const member = new Member(server, as("extension", key), clock);
  await member.next("joined");
  expect(member.room.canSend).toBe(true);

  const record = new Uint8Array(40 * 1024);
  member.room.relay(peerId, record);
  member.room.relay(peerId, record);
  const pause = await clock.changes.until(JOIN_MS, "a pause", () => clock.waits[0]);
  // Until the bucket holds a largest frame again.
  expect(pause.delayMs).toBe(Math.ceil(((64 * 1024 + 1024) / rate) * 1000));
  expect(member.room.canSend).toBe(false);
  const drainsBefore = member.drains;
  pause.over();
  expect(member.room.canSend).toBe(true);
  expect(member.drains).toBe(drainsBefore + 1);
  expect(page.count("relay")).toBe(1);
  expect(server.server.metrics()).toMatchObject({ relayedRecords: 1, droppedRecords: 1 });
});
