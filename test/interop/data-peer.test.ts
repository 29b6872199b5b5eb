/**
 * The data peer as an engine, held to the one contract: against itself, and against every engine of
 * another make that Node can run.
 */
import { loadSimplePeer } from "@beeline/paths";
import { createAnsweringDataPeer, createDataPeer } from "@beeline/paths/data-peer";
import { createWeriftPeer } from "@beeline/paths/werift";
import { rtcContract } from "../contract/rtc-contract.ts";
import { LocalRtcEnd } from "../support/rtc-end.ts";

const reorders = "its channel is unordered";

rtcContract(
  "two data peers",
  async () => ({
    offerer: new LocalRtcEnd(createDataPeer),
    answerer: new LocalRtcEnd(createAnsweringDataPeer),
  }),
  { reorders },
);

rtcContract(
  "a data peer and simple-peer over wrtc",
  async () => {
    const createSimplePeer = await loadSimplePeer();
    if (createSimplePeer === undefined) throw new Error("type: npm install @roamhq/wrtc");
    return {
      offerer: new LocalRtcEnd(createDataPeer),
      answerer: new LocalRtcEnd(createSimplePeer),
    };
  },
  { reorders, answererBuffer: "wrtc under-reports bufferedAmount by megabytes (node-webrtc#305)" },
);

rtcContract("werift and a data peer", async () => ({
  offerer: new LocalRtcEnd(createWeriftPeer),
  answerer: new LocalRtcEnd(createAnsweringDataPeer),
}));
