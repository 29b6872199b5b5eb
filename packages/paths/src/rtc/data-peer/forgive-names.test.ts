/** Both engines on a machine where nobody can ask for mDNS names. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { onTestFinished, type TestContext, test } from "vitest";
import { LocalRtcEnd } from "../../../../../test/support/rtc-end.ts";
import { carrySignals } from "../../../../../test/support/rtc-signals.ts";
import { createWeriftPeer } from "../werift.ts";
import { createAnsweringDataPeer, createDataPeer } from "./create-data-peer.ts";

const OPEN_MS = 5_000;
const MDNS_PORT = 5353;

const NAMED = {
  kind: "candidate",
  candidate: {
    candidate:
      "candidate:1 1 udp 2113937151 00000000-0000-4000-8000-000000000000.local 50000 typ host",
    sdpMid: "0",
    sdpMLineIndex: 0,
  },
} as const;

/** Takes the port for itself alone, as some programs do. */
async function holdMdnsPort({ skip }: TestContext): Promise<void> {
  const socket = createSocket("udp4");
  const isOurs = once(socket, "listening").then(
    () => true,
    () => false,
  );
  socket.bind(MDNS_PORT);
  if (!(await isOurs))
    return skip("another program shares the port of mDNS, so it cannot be taken");
  onTestFinished(() => void socket.close());
}

test.for([
  ["werift", createWeriftPeer],
  ["our own engine", createDataPeer],
] as const)("%s goes on when the port of mDNS cannot be shared", async ([, create], context) => {
  await holdMdnsPort(context);
  const offerer = new LocalRtcEnd(create);
  const answerer = new LocalRtcEnd(createAnsweringDataPeer);
  onTestFinished(async () => {
    await Promise.all([offerer.close(), answerer.close()]);
  });
  await Promise.all([answerer.start({ iceServers: [] }), offerer.start({ iceServers: [] })]);
  await answerer.accept(await offerer.takeSignals());
  const [answer, ...candidates] = await answerer.takeSignals();
  if (answer?.kind !== "answer") throw new Error(`the answer came after ${answer?.kind}`);
  await offerer.accept([answer, NAMED, ...candidates]);
  carrySignals({ offerer, answerer }).catch(() => {});
  await Promise.all([offerer.heard("open", OPEN_MS), answerer.heard("open", OPEN_MS)]);
});
