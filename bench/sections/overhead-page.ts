/**
 * The receiving end in Chromium: takes a transfer in one of four ways and says how long it took.
 * Bundled from our sources by page-bundle.ts; `bench` on the page.
 *
 * The clock starts with the first byte and stops with the last, both here, so that neither connecting
 * nor the DevTools protocol is in the figure.
 */

import {
  DirectPath,
  Exchange,
  loadSimplePeer,
  type Path,
  RelayPath,
  RoomConnection,
  type RtcPeer,
  type RtcSignal,
  realClock,
  SessionDriver,
} from "@beeline/paths";
import { Session } from "@beeline/protocol";
import { io } from "socket.io-client";

export interface Received {
  readonly bytes: number;
  readonly ms: number;
}

/** Set by the Node side, which carries signals to the other end. */
declare const sendSignal: (signal: RtcSignal) => void;

let answerer: RtcPeer | undefined;
/** Closes what the last transfer used. */
let closeLast: () => void = () => {};

class Intake {
  readonly done: Promise<Received>;
  readonly #expected: number;
  #bytes = 0;
  #firstAtMs = 0;
  #resolve: (received: Received) => void = () => {};

  constructor(expected: number) {
    this.#expected = expected;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  take(bytes: number): void {
    if (this.#bytes === 0) this.#firstAtMs = performance.now();
    this.#bytes += bytes;
    if (this.#bytes < this.#expected) return;
    this.#resolve({ bytes: this.#bytes, ms: performance.now() - this.#firstAtMs });
  }
}

let intake = new Intake(0);

/** Waits for the transfer that was announced by one of the functions below. */
export function received(): Promise<Received> {
  return intake.done;
}

export function accept(signal: RtcSignal): void {
  answerer?.accept(signal);
}

/** Messages of a bare data channel. */
export async function expectRawDirect(bytes: number): Promise<void> {
  begin(bytes);
  await answer({ onMessage: (message) => intake.take(message.byteLength) });
}

/** A blob of a session whose only path is a data channel. */
export async function expectSessionDirect(bytes: number, sessionId: string): Promise<void> {
  begin(bytes);
  const { driver, stop } = clientSession(sessionId);
  let path: Path | undefined;
  await answer({
    onOpen: (peer) => {
      path = new DirectPath(peer, 1);
      driver.attach(path);
    },
    onMessage: (message) => driver.receive(message),
    onWritable: () => driver.run(),
  });
  also(stop);
}

/** Events of a bare socket.io room. */
export async function expectRawRoom(bytes: number, url: string): Promise<void> {
  begin(bytes);
  const socket = io(url, { transports: ["websocket"], forceNew: true });
  also(() => socket.disconnect());
  socket.on("data", (data: ArrayBuffer) => intake.take(data.byteLength));
  await new Promise<void>((resolve) => socket.emit("enter", resolve));
}

/** A blob of a session whose only path is the relay. */
export async function expectSessionRelay(
  bytes: number,
  sessionId: string,
  server: string,
  key: string,
): Promise<void> {
  begin(bytes);
  const { driver, stop } = clientSession(sessionId);
  await new Promise<void>((resolve) => {
    const room = new RoomConnection(
      { server, key, role: "client", name: "bench", capabilities: ["session/1"] },
      realClock,
      {
        onJoined: () => resolve(),
        onDown: () => {},
        onPresence: ({ peers }) => {
          const extension = peers.find((peer) => peer.role === "extension");
          if (extension !== undefined) driver.attach(new RelayPath(room, extension.id, 1));
        },
        onRekey: () => {},
        onSignal: () => {},
        onRelay: (_from, record) => driver.receive(record),
        onDrain: () => driver.run(),
        onDialect: () => {},
        onEnd: () => {},
      },
    );
    also(() => room.close());
  });
  also(stop);
}

export function hangUp(): void {
  closeLast();
}

function begin(bytes: number): void {
  closeLast();
  closeLast = () => {};
  intake = new Intake(bytes);
}

function also(close: () => void): void {
  const before = closeLast;
  closeLast = () => {
    before();
    close();
  };
}

async function answer(handlers: {
  onOpen?(peer: RtcPeer): void;
  onMessage(message: Uint8Array): void;
  onWritable?(): void;
}): Promise<void> {
  const create = await loadSimplePeer();
  if (create === undefined) throw new Error("this browser has no WebRTC");
  const peer = create(
    { iceServers: [] },
    {
      onSignal: (signal) => sendSignal(signal),
      onPhase: () => {},
      onOpen: () => handlers.onOpen?.(peer),
      onMessage: (message) => handlers.onMessage(message),
      onWritable: () => handlers.onWritable?.(),
      onClose: () => {},
    },
  );
  answerer = peer;
  also(() => peer.close());
}

function clientSession(sessionId: string): { driver: SessionDriver; stop: () => void } {
  const session = new Session({ role: "client", sessionId, clientId: sessionId, name: "bench" });
  const driver = new SessionDriver(session, realClock, (event) => exchange.handle(event));
  const exchange: Exchange = new Exchange(driver, () => ({
    onBytes: (bytes) => intake.take(bytes.byteLength),
  }));
  return { driver, stop: () => driver.stop() };
}
