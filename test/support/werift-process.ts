/**
 * A process that does nothing but gather with the extension's RTC engine, for tests of what a
 * process has (interfaces, handles that keep it alive).
 *
 *     werift-process.ts gather            prints its candidates until STUN has nothing more to say
 *     werift-process.ts close-early PORT  closes while a STUN server at PORT keeps silent
 */
import { createWeriftPeer } from "@beeline/paths/werift";

const [, , mode, port] = process.argv;
const iceServers = port === undefined ? [] : [{ urls: `stun:127.0.0.1:${port}` }];

const peer = createWeriftPeer(
  { iceServers },
  {
    onSignal: (signal) => {
      if (signal.kind !== "candidate") return;
      process.stdout.write(`${signal.candidate.candidate}\n`);
      if (mode === "close-early") peer.close();
    },
    onPhase: () => {},
    onOpen: () => {},
    onMessage: () => {},
    onWritable: () => {},
    onClose: () => {},
  },
);
if (mode === "gather") process.stdin.once("data", () => peer.close());
