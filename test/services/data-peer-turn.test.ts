/** The data peer over real TURN servers: relayed, with another silent one beside, and given back. */
import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { RtcSignal } from "@beeline/paths";
import { expect, onTestFinished, test } from "vitest";
import { startCoturn } from "../support/coturn.ts";
import { DataPeerEcho } from "../support/data-peer-echo.ts";

const SECRET = "the secret of this test";
/** Which the documented configuration refuses. */
const LOOPBACK_PEERS = ["--allowed-peer-ip", "127.0.0.1", "--allow-loopback-peers"];
/** An allocation that is not given back runs out after 600 s; coturn writes its log when it can. */
const RELEASE_MS = 20_000;
const SIZES = [1, 1_132, 16_384, 262_144];

function serverAt(port: number, transport: "udp" | "tcp") {
  const username = `${Math.floor(Date.now() / 1_000) + 600}:test`;
  const credential = createHmac("sha1", SECRET).update(username).digest("base64");
  return { urls: `turn:127.0.0.1:${port}?transport=${transport}`, username, credential };
}

const isRelayed = (signal: RtcSignal): boolean =>
  signal.kind !== "candidate" || signal.candidate.candidate.includes(" typ relay");

/** Each side hears of the other's relayed addresses only. */
function startPair(
  iceServers: readonly ReturnType<typeof serverAt>[],
): [DataPeerEcho, DataPeerEcho] {
  const one: DataPeerEcho = new DataPeerEcho({ isOfferer: true, iceServers }, (signal) => {
    if (isRelayed(signal)) queueMicrotask(() => two.accept(signal));
  });
  const two: DataPeerEcho = new DataPeerEcho({ isOfferer: false, iceServers }, (signal) => {
    if (isRelayed(signal)) queueMicrotask(() => one.accept(signal));
  });
  onTestFinished(() => {
    one.close();
    two.close();
  });
  return [one, two];
}

async function silentPort(): Promise<number> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
}

test.each(["udp", "tcp"] as const)("messages pass a TURN server over %s", async (transport) => {
  const turn = await startCoturn(SECRET, ...LOOPBACK_PEERS);
  const [one, two] = startPair([
    serverAt(await silentPort(), "udp"),
    serverAt(turn.port, transport),
  ]);
  await Promise.all([one.opened(), two.opened()]);
  await Promise.all([one.sendAll(SIZES), two.sendAll(SIZES)]);
  await Promise.all([one.received(SIZES.length), two.received(SIZES.length)]);
  one.close();
  two.close();
  // Given back at once, not when it runs out after ten minutes.
  const released = () => turn.process.output.match(/REFRESH processed, success/g)?.length ?? 0;
  await expect.poll(released, { timeout: RELEASE_MS }).toBe(2);
});
