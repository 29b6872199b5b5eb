/**
 * The engines in Node, held to the one contract: the stand-in, and the extension's werift against
 * the client's simple-peer over @roamhq/wrtc.
 */
import { loadSimplePeer } from "@beeline/paths";
import { createMemoryRtc } from "@beeline/paths/memory";
import { createWeriftPeer } from "@beeline/paths/werift";
import { rtcContract } from "../contract/rtc-contract.ts";
import { LocalRtcEnd } from "../support/rtc-end.ts";

rtcContract(
  "memory and memory",
  async () => {
    const rtc = createMemoryRtc();
    return {
      offerer: new LocalRtcEnd(rtc.createOfferer),
      answerer: new LocalRtcEnd(rtc.createAnswerer),
    };
  },
  { noCandidates: "two ends in one process need no route" },
);

rtcContract(
  "werift and simple-peer over wrtc",
  async () => {
    const createSimplePeer = await loadSimplePeer();
    if (createSimplePeer === undefined) throw new Error("type: npm install @roamhq/wrtc");
    return {
      offerer: new LocalRtcEnd(createWeriftPeer),
      answerer: new LocalRtcEnd(createSimplePeer),
    };
  },
  { answererBuffer: "wrtc under-reports bufferedAmount by megabytes (node-webrtc#305)" },
);
