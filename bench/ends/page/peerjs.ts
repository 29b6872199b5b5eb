/**
 * Both halves of PeerJS, which only runs in browsers: its own signalling server, its own "binary"
 * serialization, its own chunks and buffers.
 */

import { type DataConnection, Peer } from "peerjs";
import type { OpenOptions } from "../asker.ts";
import { serveWire, type Wire, WireAsker } from "../wire.ts";

/** Registers the answering half; resolves when the server knows it. */
export async function servePeerJs(options: OpenOptions): Promise<() => void> {
  const peer = makePeer(options.key, options);
  peer.on("connection", (connection) => {
    connection.on("open", () => serveWire(wireOf(peer, connection)));
  });
  await opened(peer);
  return () => peer.destroy();
}

export async function openPeerJs(options: OpenOptions): Promise<WireAsker> {
  const startedAtMs = performance.now();
  const peer = makePeer(undefined, options);
  await opened(peer);
  const connection = peer.connect(options.key, { reliable: true, serialization: "binary" });
  await new Promise<void>((resolve, reject) => {
    connection.on("open", resolve);
    connection.on("error", reject);
    peer.on("error", reject);
  });
  return await WireAsker.open(wireOf(peer, connection), startedAtMs);
}

function makePeer(id: string | undefined, { server, iceServers }: OpenOptions): Peer {
  const { hostname, port } = new URL(server);
  const config = { iceServers: iceServers.map((entry) => ({ ...entry })) };
  const options = { host: hostname, port: Number(port), path: "/", secure: false, config };
  return id === undefined ? new Peer(options) : new Peer(id, options);
}

async function opened(peer: Peer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    peer.on("open", () => resolve());
    peer.on("error", reject);
  });
}

function wireOf(peer: Peer, connection: DataConnection): Wire {
  return {
    messageBytes: Number.POSITIVE_INFINITY,
    send: (message) => void connection.send(message),
    isFull: false,
    writable: () => Promise.resolve(),
    onMessage: (listener) => {
      connection.on("data", (data) => {
        listener(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array));
      });
    },
    partialBytes: () => arrived(connection.peerConnection),
    close: () => peer.destroy(),
  };
}

/** What Chromium says its channel has received: PeerJS itself tells nothing before all is there. */
async function arrived(pc: RTCPeerConnection): Promise<number> {
  let bytes = 0;
  for (const entry of (await pc.getStats()).values()) {
    if (entry.type === "data-channel") bytes += entry.bytesReceived;
  }
  return bytes;
}
