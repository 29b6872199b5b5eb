/**
 * A process that has two data peers and closes them at some time, for the test that nothing of them
 * keeps a process alive.
 *
 *     data-peer-process.ts gathering|connecting|open PORT    a STUN server at PORT keeps silent
 */

import type { RtcPeer } from "@beeline/paths";
import { createAnsweringDataPeer, createDataPeer } from "@beeline/paths/data-peer";

const [, , moment, port] = process.argv;
const options = { iceServers: [{ urls: `stun:127.0.0.1:${port}` }] };
const peers: RtcPeer[] = [];

function closeAt(reached: string): void {
  if (reached !== moment || peers.length === 0) return;
  for (const peer of peers.splice(0)) peer.close();
  process.stdout.write("closed\n");
}

function handlersTo(other: () => RtcPeer | undefined) {
  return {
    onSignal: (signal: Parameters<RtcPeer["accept"]>[0]): void => {
      queueMicrotask(() => other()?.accept(signal));
      if (signal.kind === "candidate") closeAt("gathering");
    },
    onPhase: (phase: string): void => {
      if (phase === "connected") closeAt("connecting");
    },
    onOpen: () => closeAt("open"),
    onMessage: () => {},
    onWritable: () => {},
    onClose: () => {},
  };
}

peers.push(
  createDataPeer(
    options,
    handlersTo(() => peers[1]),
  ),
);
peers.push(
  createAnsweringDataPeer(
    options,
    handlersTo(() => peers[0]),
  ),
);
