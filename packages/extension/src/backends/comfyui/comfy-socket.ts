/**
 * The socket on which ComfyUI tells what it does, opened anew whenever it breaks.
 *
 * What was said while it was down is lost (ComfyUI repeats nothing), so `onOpen` is the moment to
 * ask how things stand. One client id for one socket: a second with the same id would take the first
 * one's place.
 */

import { WebSocket } from "ws";
import type { BackendAddress } from "../shared/backend-http.ts";
import { type ComfyEvent, FEATURE_FLAGS, readBinary, readText } from "./events.ts";

/** A preview is a small JPEG; some nodes send full-size PNGs. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** Between two attempts to connect. */
const RETRY_MS = 1_000;
/** Routers forget silent connections after a minute or more. */
const PING_MS = 20_000;

export interface ComfySocketOptions extends BackendAddress {
  readonly clientId: string;
  onEvent(event: ComfyEvent): void;
  /** Connected, for the first time or again. */
  onOpen(): void;
}

export class ComfySocket {
  readonly #options: ComfySocketOptions;
  #socket: WebSocket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ComfySocketOptions) {
    this.#options = options;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    this.#socket?.terminate();
  }

  #connect(): void {
    const { url, clientId, headers, onEvent, onOpen } = this.#options;
    const address = `${url.replace(/^http/, "ws")}/ws?clientId=${encodeURIComponent(clientId)}`;
    const socket = new WebSocket(address, {
      headers: { ...headers },
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
    this.#socket = socket;
    let answered = true;
    socket.on("open", () => {
      socket.send(FEATURE_FLAGS);
      this.#ping = setInterval(() => {
        if (!answered) socket.terminate();
        answered = false;
        socket.ping();
      }, PING_MS);
      onOpen();
    });
    socket.on("pong", () => {
      answered = true;
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      for (const event of isBinary ? readBinary(data) : readText(data.toString("utf8"))) {
        onEvent(event);
      }
    });
    // A close follows every error.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(this.#ping);
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    });
  }
}
