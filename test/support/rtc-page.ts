/** What a page needs to be an end of an RTC pair: bundled and loaded by chromium-rtc-end.ts. */
import { loadSimplePeer } from "@beeline/paths";
import { LocalRtcEnd, type RtcEnd } from "./rtc-end.ts";

export async function createPageEnd(): Promise<RtcEnd> {
  const create = await loadSimplePeer();
  if (create === undefined) throw new Error("this browser has no WebRTC");
  return new LocalRtcEnd(create);
}
