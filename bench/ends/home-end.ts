/** A program: one home of one subject, in a process (and network) of its own, told what to do over IPC. */

import type { RtcSignal } from "@beeline/paths";
import { type OpenOptions, payload } from "./asker.ts";
import type { Home, OpenHome } from "./home/home.ts";
import type { SentCounters } from "./resent-bytes.ts";

/** Loaded when asked for: each engine costs memory that would be counted as another's. */
const HOMES: Readonly<Record<string, () => Promise<OpenHome>>> = {
  beeline: async () => (await import("./home/beeline.ts")).openBeelineHome,
  "data-peer": async () => (await import("./home/data-peer.ts")).dataPeerHome(),
  "data-peer-cubic": async () => {
    const { createCubic } = await import("@beeline/sctp");
    return (await import("./home/data-peer.ts")).dataPeerHome(createCubic);
  },
  "first-version": async () => (await import("./home/first-version.ts")).openFirstVersionHome,
  "node-datachannel": async () => (await import("./home/node-datachannel.ts")).openNodeDataChannel,
  tcp: async () => (await import("./home/tcp.ts")).openTcp,
  werift: async () => (await import("./home/werift.ts")).openWerift,
  wrtc: async () => (await import("./home/wrtc.ts")).openWrtc,
};

export type HomeKind = keyof typeof HOMES;

export type ToHome =
  | { readonly type: "open"; readonly kind: HomeKind; readonly options: OpenOptions }
  | { readonly type: "signal"; readonly signal: RtcSignal }
  | { readonly type: "sent" }
  | { readonly type: "close" };

export type FromHome =
  | { readonly type: "ready" | "closed" }
  | { readonly type: "signal"; readonly signal: RtcSignal }
  | { readonly type: "sent"; readonly counters: SentCounters | undefined }
  | { readonly type: "failed"; readonly why: string };

// Ready before anybody asks.
payload();

let home: Home | undefined;

function tell(message: FromHome): void {
  process.send?.(message);
}

async function obey(message: ToHome): Promise<void> {
  if (message.type === "signal") return home?.accept?.(message.signal);
  if (message.type === "sent") return tell({ type: "sent", counters: home?.sent?.() });
  if (message.type === "close") {
    await home?.close();
    home = undefined;
    return tell({ type: "closed" });
  }
  const load = HOMES[message.kind];
  if (load === undefined) throw new Error(`no home ${message.kind}`);
  const open = await load();
  const onSignal = (signal: RtcSignal): void => tell({ type: "signal", signal });
  home = await open({ options: message.options, onSignal });
  tell({ type: "ready" });
}

process.on("message", (message: ToHome) => {
  obey(message).catch((error: unknown) => tell({ type: "failed", why: String(error) }));
});
// Without its bench there is nothing to do.
process.on("disconnect", () => process.exit());
// Channels that are closed under a sender throw late and from everywhere; the page's clock decides.
process.on("uncaughtException", (error) => tell({ type: "failed", why: String(error) }));
