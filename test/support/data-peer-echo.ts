/** A data peer that hears its own messages back from another engine, and whether they are the same. */

import type { RtcSignal } from "@beeline/paths";
import { DataPeer, type DataPeerOptions } from "@beeline/paths/data-peer";
import type { DataChannel } from "@beeline/sctp";
import { Changes } from "./deadline.ts";

/** A browser that starts on a busy machine takes most of it. */
const OPEN_MS = 25_000;
/** 256 KiB there and back, on a machine that runs other suites. */
const ECHO_MS = 15_000;

export class DataPeerEcho {
  readonly #changes = new Changes();
  readonly #peer: DataPeer;
  readonly #arrived: Uint8Array[] = [];
  #channel: DataChannel | undefined;
  #ended: string | undefined;

  constructor(
    options: Omit<DataPeerOptions, "iceServers"> & Partial<Pick<DataPeerOptions, "iceServers">>,
    onSignal: (signal: RtcSignal) => void,
  ) {
    this.#peer = new DataPeer(
      { iceServers: [], ...options },
      {
        onSignal,
        onPhase: () => {},
        onChannel: (event) => {
          if (event.kind === "open" || event.kind === "channel") this.#channel = event.channel;
          if (event.kind === "message") this.#arrived.push(event.payload);
          this.#changes.notify();
        },
        onClosed: (reason) => {
          this.#ended = reason;
          this.#changes.notify();
        },
      },
    );
    if (options.isOfferer) this.#peer.openChannel({ label: "echo" });
  }

  accept(signal: RtcSignal): void {
    this.#peer.accept(signal);
  }

  async opened(): Promise<void> {
    await this.#changes.until(OPEN_MS, `an open channel (${this.#ended ?? "not closed"})`, () =>
      this.#channel === undefined ? undefined : true,
    );
  }

  /** Sends messages of these sizes and waits for each to come back. @returns what differed. */
  async exchange(sizes: readonly number[]): Promise<string[]> {
    const channel = this.#channel;
    if (channel === undefined) throw new Error("no channel is open");
    this.#arrived.length = 0;
    const differences: string[] = [];
    for (const [at, bytes] of sizes.entries()) {
      const message = patterned(bytes, at);
      this.#peer.send(channel, message);
      const back = await this.#changes.until(
        ECHO_MS,
        `the echo of ${bytes} bytes (${this.#ended ?? "not closed"})`,
        () => this.#arrived[at],
      );
      if (!Buffer.from(back).equals(message)) differences.push(`${bytes} came as ${back.length}`);
    }
    return differences;
  }

  /** Without waiting for anything. */
  async sendAll(sizes: readonly number[]): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) throw new Error("no channel is open");
    for (const [at, bytes] of sizes.entries()) this.#peer.send(channel, patterned(bytes, at));
  }

  async received(count: number): Promise<void> {
    await this.#changes.until(ECHO_MS, `${count} messages (${this.#ended ?? "not closed"})`, () =>
      this.#arrived.length >= count ? true : undefined,
    );
  }

  restartIce(): void {
    this.#peer.restartIce();
  }

  close(): void {
    this.#peer.close();
  }
}

/** Bytes that follow from their place and from the message's number. */
function patterned(bytes: number, number: number): Uint8Array {
  const message = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 1) message[at] = (at * 31 + (at >> 8) + number * 7) & 0xff;
  return message;
}
