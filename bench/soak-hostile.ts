/** Peers that hold the key and do everything that they should not; part of bench/soak.ts. */
import { setTimeout as wait } from "node:timers/promises";
import { PEER_SOCKET_PATH, SHIPPED_SOCKET_PATH } from "@beeline/protocol";
import { io, type Socket } from "socket.io-client";

const JOIN_MS = 5_000;
const ROUNDS = 200;
const OWN_EVENTS = ["relay", "signal", "dialect", "join", "report", "leave?"];
const SHIPPED_EVENTS = ["command", "commandStatus", "join", "iam"];

export class Hostility {
  readonly #server: string;
  readonly #key: string;
  badInputs = 0;

  constructor(server: string, key: string) {
    this.#server = server;
    this.#key = key;
  }

  /** Joins, says nonsense in every event, floods, and at last says more than may be said at once. */
  async flood(): Promise<void> {
    const { socket, to } = await this.#join();
    const shipped = this.#open(SHIPPED_SOCKET_PATH);
    shipped.emit("iam", { type: "client" });
    shipped.emit("join", "f".repeat(128));
    const nonsense = [
      undefined,
      null,
      7,
      "x".repeat(1_000),
      { to },
      [[[]]],
      new Uint8Array(60_000),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const value = nonsense[round % nonsense.length];
      for (const event of OWN_EVENTS) socket.emit(event, to, value);
      for (const event of SHIPPED_EVENTS) shipped.emit(event, value);
      this.badInputs += OWN_EVENTS.length + SHIPPED_EVENTS.length;
    }
    await wait(2_000);
    socket.emit("relay", to, new Uint8Array(300_000));
    shipped.emit("command", "x".repeat(300_000));
    this.badInputs += 2;
    await wait(500);
    socket.disconnect();
    shipped.disconnect();
  }

  /** Joins, and reads nothing for `ms`. */
  async stopReading(ms: number): Promise<void> {
    const { socket } = await this.#join();
    (socket.io.engine?.transport as unknown as { ws?: { pause(): void } })?.ws?.pause();
    await wait(ms);
    socket.disconnect();
  }

  async #join(): Promise<{ socket: Socket; to: string }> {
    const socket = this.#open(PEER_SOCKET_PATH);
    const request = { version: 1, role: "client", key: this.#key, name: "", capabilities: [] };
    const ack = await socket
      .timeout(JOIN_MS)
      .emitWithAck("join", request)
      .catch(() => undefined);
    const peers: { id: string; active: boolean }[] = ack?.presence?.peers ?? [];
    return { socket, to: peers.find(({ active }) => active)?.id ?? "nobody" };
  }

  #open(path: string): Socket {
    return io(this.#server, { path, transports: ["websocket"], forceNew: true });
  }
}
