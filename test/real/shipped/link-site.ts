/** A shipped site in the room of a trial: says what people click on it, and waits for what it hears. */

import { randomUUID } from "node:crypto";
import { io, type Socket } from "socket.io-client";
import { Changes } from "../../support/deadline.ts";

/** Downloads take four seconds, reconnections up to ten. */
const PATIENCE_MS = 40_000;

export type Payload = Readonly<Record<string, unknown>>;

export class LinkSite {
  readonly #socket: Socket;
  readonly #changes = new Changes();
  readonly #heard: (readonly [event: string, payload: Payload])[] = [];
  #taken = 0;

  constructor(server: string) {
    this.#socket = io(server, { path: "/api/socketio", forceNew: true });
    this.#socket.on("connect", () => this.#socket.emit("iam", { type: "client" }));
    this.#socket.onAny((event: string, payload: Payload = {}) => {
      this.#heard.push([event, payload]);
      this.#changes.notify();
    });
  }

  async join(key: string): Promise<{ success: boolean; msg?: string }> {
    return await this.#socket.timeout(PATIENCE_MS).emitWithAck("join", key);
  }

  /** @returns the command's id. */
  command(type: string, fields: Payload = {}): string {
    const id = randomUUID();
    this.#socket.emit("command", { id, type, createdAt: new Date(), ...fields });
    return id;
  }

  /** The next event of that name that fits, passing over those before it. */
  async next(event: string, fits: (payload: Payload) => boolean = () => true): Promise<Payload> {
    const at = await this.#changes.until(PATIENCE_MS, `${event} of the extension`, () => {
      const found = this.#heard.findIndex(
        ([name, payload], index) => index >= this.#taken && name === event && fits(payload),
      );
      return found < 0 ? undefined : found;
    });
    this.#taken = at + 1;
    return this.#heard[at]?.[1] ?? {};
  }

  /** The next answer to that command with that status. */
  status(id: string, status: string): Promise<Payload> {
    return this.next("commandStatus", (payload) => payload.id === id && payload.status === status);
  }

  count(event: string): number {
    return this.#heard.filter(([name]) => name === event).length;
  }

  close(): void {
    this.#socket.disconnect();
  }
}
