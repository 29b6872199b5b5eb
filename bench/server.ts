/**
 * How far one server process goes, against PeerJS' server and a bare socket.io room in the same run.
 *
 *     npx tsx --conditions=@beeline/source bench/server.ts [pairs]
 *
 * For each server, in a process of its own: pairs are joined one batch after another (joins/s), held
 * (memory per pair), some of them pass frames of 48 KiB with a window of unanswered ones (MB/s,
 * frames/s, the event loop's p99 delay meanwhile), and pairs of ours come back by their lasting keys,
 * as after a restart (joins/s). Everything is on loopback and the measuring
 * process shares the machine, so the figures compare servers; they are no promise.
 *
 * PeerJS' server relays no data, only signals; it is given the same bytes as base64 in a signal.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { PEER_SOCKET_PATH, REST_PATH, ROOM_VERSION } from "@beeline/protocol";
import { io, type Socket } from "socket.io-client";
import { WebSocket } from "ws";

const PAIRS = Number(process.argv[2] ?? 300);
const BATCH = 25;
const BUSY_PAIRS = 4;
const WINDOW = 8;
const RELAY_MS = 3_000;
const FRAME = Buffer.alloc(48 * 1024, 1);

/** One joined pair: how to send a frame one way, and a listener for what arrives. */
interface Pair {
  send(): void;
  onFrame(listener: () => void): void;
  close(): void;
  /** Opens both sockets anew and joins by the lasting key; other servers have no such thing. */
  comeBack?(): Promise<void>;
}

interface Sample {
  readonly rss: number;
  readonly p99Ms: number;
}

const SUBJECTS: Record<string, (port: number, index: number) => Promise<Pair>> = {
  beeline: joinBeeline,
  socketio: joinSocketIo,
  peerjs: joinPeerJs,
};

async function joinBeeline(port: number, index: number): Promise<Pair> {
  const url = `http://127.0.0.1:${port}`;
  const forwarded = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  const headers = { "x-forwarded-for": forwarded };
  const answer = await fetch(url + REST_PATH, {
    method: "POST",
    body: "{}",
    headers: { ...headers, "content-type": "application/json" },
  });
  const { key } = (await answer.json()) as { key: string };
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const open = (extraHeaders: Record<string, string>) =>
    io(url, {
      path: PEER_SOCKET_PATH,
      transports: ["websocket"],
      forceNew: true,
      extraHeaders: { ...headers, ...extraHeaders },
    });
  const client = open({ cookie });
  const extension = open({});
  let lastingKey = key;
  const join = async (socket: Socket, role: string) => {
    const about = { name: "", capabilities: ["session/1"], installId: `pair ${index}` };
    const request = { version: ROOM_VERSION, role, key: lastingKey, ...about };
    const ack = await socket.emitWithAck("join", request);
    if (!ack.ok) throw new Error(ack.error.code);
    return ack.peerId as string;
  };
  const clientId = await join(client, "client");
  const rekeyed = new Promise<{ key: string }>((resolve) => client.once("rekey", resolve));
  await join(extension, "extension");
  lastingKey = (await rekeyed).key;
  return {
    async comeBack() {
      const again = [open({}), open({})] as const;
      await join(again[0], "client");
      await join(again[1], "extension");
      for (const socket of again) socket.disconnect();
    },
    send: () => extension.emit("relay", clientId, FRAME),
    onFrame: (listener) => client.on("relay", listener),
    close: () => [client, extension].forEach((socket) => void socket.disconnect()),
  };
}

async function joinSocketIo(port: number, index: number): Promise<Pair> {
  const sockets = [0, 1].map(() =>
    io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true }),
  ) as [Socket, Socket];
  const room = `room ${index}`;
  for (const socket of sockets) await socket.emitWithAck("join", room);
  const [client, extension] = sockets;
  return {
    send: () => extension.emit("relay", room, FRAME),
    onFrame: (listener) => client.on("relay", listener),
    close: () => sockets.forEach((socket) => void socket.disconnect()),
  };
}

async function joinPeerJs(port: number, index: number): Promise<Pair> {
  const open = async (name: string): Promise<WebSocket> => {
    const query = `key=peerjs&id=${name}${index}&token=t&version=1.5.4`;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/peerjs?${query}`);
    await once(socket, "message");
    return socket;
  };
  const client = await open("c");
  const extension = await open("x");
  return {
    send() {
      const payload = { sdp: FRAME.toString("base64") };
      extension.send(JSON.stringify({ type: "OFFER", dst: `c${index}`, payload }));
    },
    onFrame: (listener) => client.on("message", listener),
    close: () => [client, extension].forEach((socket) => void socket.close()),
  };
}

async function start(subject: string): Promise<{ process: ChildProcess; port: number }> {
  const file = fileURLToPath(new URL("./server-subjects.ts", import.meta.url));
  const child = fork(file, [subject], {
    execArgv: [...process.execArgv, "--expose-gc"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { process: child, port };
}

async function sample(child: ChildProcess): Promise<Sample> {
  const answer = once(child, "message");
  child.send("sample");
  return ((await answer) as [Sample])[0];
}

async function relay(pairs: readonly Pair[]): Promise<number> {
  let frames = 0;
  let isOver = false;
  for (const pair of pairs) {
    pair.onFrame(() => {
      frames++;
      if (!isOver) pair.send();
    });
    for (let i = 0; i < WINDOW; i++) pair.send();
  }
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, RELAY_MS));
  isOver = true;
  return (frames * 1000) / (performance.now() - startedAt);
}

/** Runs `task` for each of `count` in batches. @returns how long it took, in seconds. */
async function inBatches(count: number, task: (index: number) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  for (let at = 0; at < count; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => task(at + i));
    await Promise.all(batch);
  }
  return (performance.now() - startedAt) / 1000;
}

async function measure(subject: string, join: (typeof SUBJECTS)[string]) {
  const server = await start(subject);
  const before = await sample(server.process);
  const pairs: Pair[] = [];
  const seconds = await inBatches(PAIRS, async (index) => {
    pairs.push(await join(server.port, index));
  });
  const held = await sample(server.process);
  const framesPerSecond = await relay(pairs.slice(0, BUSY_PAIRS));
  const busy = await sample(server.process);
  const canComeBack = pairs.every((pair) => pair.comeBack !== undefined);
  const backSeconds = canComeBack
    ? await inBatches(PAIRS, async (index) => pairs[index]?.comeBack?.())
    : Number.NaN;
  const back = await sample(server.process);
  for (const pair of pairs) pair.close();
  server.process.disconnect();
  const bytesPerPair = (held.rss - before.rss) / PAIRS;
  return {
    server: subject,
    "joins/s": Math.round((2 * PAIRS) / seconds),
    // NaN, which JSON tells as null, for servers without keys.
    "joins/s, lasting key": Math.round((2 * PAIRS) / backSeconds),
    "loop p99, coming back (ms)": Math.round(back.p99Ms),
    "KiB/pair": Math.round(bytesPerPair / 1024),
    "pairs/GB": Math.round(1e9 / bytesPerPair),
    "MB/s": Math.round((framesPerSecond * FRAME.length) / 1e6),
    "frames/s": Math.round(framesPerSecond),
    "loop p99, joining (ms)": Math.round(held.p99Ms),
    "loop p99, relaying (ms)": Math.round(busy.p99Ms),
  };
}

const rows = [];
for (const [subject, join] of Object.entries(SUBJECTS)) rows.push(await measure(subject, join));
process.stdout.write(`${JSON.stringify({ pairs: PAIRS, rows }, undefined, 2)}\n`);
process.exit(0);
