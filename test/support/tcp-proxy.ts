/**
 * A wire between a peer and the link server that a test can stall, cut or slow down.
 *
 * It carries bytes and understands none. It keeps its port while what is behind it comes and goes.
 * Backpressure passes through: a slow receiver makes the server's socket wait, as it would outside.
 */

import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { ByteMeter } from "./byte-meter.ts";
import { DelayLine, UNLIMITED, type WireShape } from "./delay-line.ts";

/** What may wait inside the proxy per direction before it stops reading: a small router's buffer. */
const BUFFER_BYTES = 64 * 1024;

export class TcpProxy {
  /** Towards the peer, and from it. */
  readonly down = new ByteMeter();
  readonly up = new ByteMeter();
  readonly #server: Server;
  readonly #pumps = new Set<Pump>();
  #shape: { down: WireShape; up: WireShape } = { down: UNLIMITED, up: UNLIMITED };
  #isStalled = false;
  #isCut = false;
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on("connection", (peer) => proxy.#accept(peer, targetPort));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy is closed");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Accepted so far: a peer that had to reconnect shows here. */
  get connections(): number {
    return this.#connections;
  }

  shape(down: WireShape, up: WireShape = down): void {
    this.#shape = { down, up };
    for (const pump of this.#pumps) pump.line.shape = pump.isDown ? down : up;
  }

  /** Goes dark without closing: what is sent waits, also on new connections. */
  stall(): void {
    this.#isStalled = true;
    for (const pump of this.#pumps) pump.line.hold();
  }

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.#isCut = true;
    for (const pump of this.#pumps) pump.from.destroy();
  }

  /** Ends {@link stall} and {@link cut}. */
  mend(): void {
    this.#isStalled = false;
    this.#isCut = false;
    for (const pump of this.#pumps) pump.line.release();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(peer: Socket, targetPort: number): void {
    peer.on("error", () => {});
    if (this.#isCut) {
      peer.destroy();
      return;
    }
    this.#connections += 1;
    const target = dial(targetPort, "127.0.0.1");
    target.on("error", () => {});
    this.#pump(target, peer, true);
    this.#pump(peer, target, false);
  }

  #pump(from: Socket, to: Socket, isDown: boolean): void {
    const pump = new Pump(from, to, isDown, isDown ? this.down : this.up);
    pump.line.shape = isDown ? this.#shape.down : this.#shape.up;
    if (this.#isStalled) pump.line.hold();
    this.#pumps.add(pump);
    from.on("close", () => {
      this.#pumps.delete(pump);
      pump.line.clear();
      to.destroy();
    });
  }
}

class Pump {
  readonly from: Socket;
  readonly isDown: boolean;
  readonly line: DelayLine<Buffer>;

  constructor(from: Socket, to: Socket, isDown: boolean, meter: ByteMeter) {
    this.from = from;
    this.isDown = isDown;
    let isFull = false;
    const readOn = (): void => {
      if (this.line.waitingBytes < BUFFER_BYTES && !isFull) from.resume();
    };
    this.line = new DelayLine((bytes) => {
      meter.add(bytes.byteLength);
      isFull = !to.write(bytes);
      readOn();
    });
    to.on("drain", () => {
      isFull = false;
      readOn();
    });
    from.setNoDelay(true);
    from.on("data", (bytes: Buffer) => {
      this.line.push(bytes, bytes.byteLength);
      if (this.line.waitingBytes >= BUFFER_BYTES || isFull) from.pause();
    });
  }
}
