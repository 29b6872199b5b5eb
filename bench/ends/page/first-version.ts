/**
 * The page's half of what the specification's first version does: commands are JSON events in a
 * socket.io room, and pictures are base64 in them.
 */

import { io, type Socket } from "socket.io-client";
import { type Asker, inTime, payload, type Transfer } from "../asker.ts";

interface Answer {
  readonly id: number;
  readonly preview?: string;
  readonly images?: readonly string[];
  readonly status: string;
}

/** As long as any transfer may take; opening fails then. */
const OPEN_LIMIT_MS = 20_000;

export async function openFirstVersion(server: string): Promise<Asker> {
  const startedAtMs = performance.now();
  const socket = io(server, { transports: ["websocket"], forceNew: true });
  const entered = new Promise<void>((resolve) => {
    socket.on("connect", () => socket.emit("enter", resolve));
  });
  if (!(await inTime(entered, OPEN_LIMIT_MS))) throw new Error("the room did not answer");
  const join: Record<string, number> = { "in the room": performance.now() - startedAtMs };
  const asker = new FirstVersionAsker(socket, join);
  await asker.roundTrip();
  join["first answer"] = performance.now() - startedAtMs;
  return asker;
}

class FirstVersionAsker implements Asker {
  readonly join: Readonly<Record<string, number>>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #id = 0;

  constructor(socket: Socket, join: Readonly<Record<string, number>>) {
    this.#socket = socket;
    this.join = join;
    socket.on("answer", (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
  }

  async roundTrip(): Promise<number> {
    const startedAtMs = performance.now();
    await this.#ask({ type: "resources:list" });
    return performance.now() - startedAtMs;
  }

  async get(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    let previewMs: number | undefined;
    let received = 0;
    const done = this.#ask({ type: "image:txt2img", bytes }, (answer) => {
      if (answer.preview !== undefined) {
        decode(answer.preview);
        previewMs = performance.now() - startedAtMs;
      }
    }).then(({ images = [] }) => {
      received = images.reduce((sum, image) => sum + decode(image).byteLength, 0);
    });
    const isDone = await inTime(done, limitMs);
    const ms = performance.now() - startedAtMs;
    // One message: until it is whole, the page has nothing of it.
    const transfer = { isDone, ms, bytes: received };
    return previewMs === undefined ? transfer : { ...transfer, previewMs };
  }

  async put(bytes: number, limitMs: number): Promise<Transfer> {
    const startedAtMs = performance.now();
    const initImage = encode(payload().subarray(0, bytes));
    const isDone = await inTime(this.#ask({ type: "image:img2img", initImage }), limitMs);
    // One message: until it is whole, the other end has nothing of it.
    return { isDone, ms: performance.now() - startedAtMs, bytes: isDone ? bytes : 0 };
  }

  async close(): Promise<void> {
    this.#socket.disconnect();
  }

  /** @returns the last answer, which says `success`. */
  #ask(request: object, onAnswer: (answer: Answer) => void = () => {}): Promise<Answer> {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => {
        onAnswer(answer);
        if (answer.status !== "success") return;
        this.#waiting.delete(id);
        resolve(answer);
      });
      this.#socket.emit("command", { id, version: "1.0.0", ...request });
    });
  }
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** In steps that the argument list of one call can take. */
function encode(bytes: Uint8Array): string {
  const step = 0x8000;
  let text = "";
  for (let at = 0; at < bytes.length; at += step) {
    text += String.fromCharCode(...bytes.subarray(at, at + step));
  }
  return btoa(text);
}
