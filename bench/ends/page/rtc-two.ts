/** The page's half of our data peer: Chromium's peer connection, with a channel for commands beside. */

import type { RtcSignal } from "@beeline/paths";
import type { OpenOptions } from "../asker.ts";
import { BULK_LABEL, COMMANDS_LABEL, twoLanes } from "../two-lanes.ts";
import type { Wire } from "../wire.ts";
import { answer, type PageRtc } from "./rtc.ts";

export function answerTwo(options: OpenOptions, onSignal: (signal: RtcSignal) => void): PageRtc {
  const lanes = new Map<string, Wire>();
  let ready: (wire: Wire) => void = () => {};
  const wire = new Promise<Wire>((resolve) => {
    ready = resolve;
  });
  const { accept } = answer(options, onSignal, (label, lane) => {
    lanes.set(label, lane);
    const [bulk, commands] = [lanes.get(BULK_LABEL), lanes.get(COMMANDS_LABEL)];
    if (bulk !== undefined && commands !== undefined) ready(twoLanes(bulk, commands));
  });
  return { accept, wire };
}
