/**
 * Browsers hide their addresses behind mDNS names, and nobody may answer for one: another network,
 * a firewall, a container. The route is found without, from the browser's own checks.
 */
import { loadSimplePeer, type RtcSignal } from "@beeline/paths";
import { createWeriftPeer } from "@beeline/paths/werift";
import { onTestFinished, test } from "vitest";
import { LocalRtcEnd } from "../support/rtc-end.ts";
import { carrySignals } from "../support/rtc-signals.ts";

/** werift gives a name up after 10 s, so less than that proves that nobody waited for it. */
const OPEN_MS = 9_000;

const UNKNOWN_NAME =
  "candidate:1 1 udp 2113937151 00000000-0000-4000-8000-000000000000.local 50000 typ host";

test("an address behind a name that nobody answers for does not hold up the channel", async () => {
  const createSimplePeer = await loadSimplePeer();
  if (createSimplePeer === undefined) throw new Error("type: npm install @roamhq/wrtc");
  const offerer = new LocalRtcEnd(createWeriftPeer);
  const answerer = new LocalRtcEnd(createSimplePeer);
  onTestFinished(async () => {
    await Promise.all([offerer.close(), answerer.close()]);
  });
  await Promise.all([answerer.start({ iceServers: [] }), offerer.start({ iceServers: [] })]);
  await answerer.accept(await offerer.takeSignals());
  const isAnswer = ({ kind }: RtcSignal): boolean => kind === "answer";
  const signals: RtcSignal[] = [];
  while (!signals.some(isAnswer)) signals.push(...(await answerer.takeSignals()));
  const named = {
    kind: "candidate",
    candidate: { candidate: UNKNOWN_NAME, sdpMid: "0", sdpMLineIndex: 0 },
  } as const;
  const candidates = signals.filter((signal) => !isAnswer(signal));
  await offerer.accept([...signals.filter(isAnswer), named, ...candidates]);
  carrySignals({ offerer, answerer }).catch(() => {});
  await Promise.all([offerer.heard("open", OPEN_MS), answerer.heard("open", OPEN_MS)]);
});
