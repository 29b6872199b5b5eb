/** What runs in a page of Chromium: `benchEnd` on the page, driven from Node by Playwright. */

import type { PathPolicy } from "@beeline/client";
import type { RtcSignal } from "@beeline/paths";
import { type Asker, type OpenOptions, payload } from "./asker.ts";
import { Asking } from "./asking.ts";
import { openBeeline } from "./page/beeline.ts";
import { openFirstVersion } from "./page/first-version.ts";
import { openPeerJs, servePeerJs } from "./page/peerjs.ts";
import { answer, type PageRtc } from "./page/rtc.ts";
import { answerTwo } from "./page/rtc-two.ts";
import { WireAsker } from "./wire.ts";

export type PageKind =
  | { readonly kind: "rtc" | "rtc-two" | "first-version" | "peerjs" }
  | { readonly kind: "beeline"; readonly policy: PathPolicy };

/** Set by the Node side, which carries signals to the other end. */
declare const sendSignal: (signal: RtcSignal) => void;

// Ready before anybody asks.
payload();

export const asking = new Asking();
let rtc: PageRtc | undefined;
let stopServing: () => void = () => {};

export function open(
  page: PageKind,
  options: OpenOptions,
): Promise<Readonly<Record<string, number>>> {
  return asking.open(openAsker(page, options));
}

export function accept(signal: RtcSignal): void {
  rtc?.accept(signal);
}

/** PeerJS only: this page is the home. */
export async function serve(options: OpenOptions): Promise<void> {
  stopServing = await servePeerJs(options);
}

export function stop(): void {
  stopServing();
  stopServing = () => {};
}

async function openAsker(page: PageKind, options: OpenOptions): Promise<Asker> {
  switch (page.kind) {
    case "beeline":
      return await openBeeline(
        options.server,
        options.key,
        page.policy,
        page.policy === "relayOnly" ? "unwanted" : "needed",
      );
    case "first-version":
      return await openFirstVersion(options.server);
    case "peerjs":
      return await openPeerJs(options);
    case "rtc":
    case "rtc-two": {
      const startedAtMs = performance.now();
      rtc = (page.kind === "rtc" ? answer : answerTwo)(options, (signal) => sendSignal(signal));
      return await WireAsker.open(await rtc.wire, startedAtMs);
    }
  }
}
