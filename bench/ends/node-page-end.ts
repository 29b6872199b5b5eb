/** A program: the page's half of a data channel in Node, where both ends are Node; told over IPC. */

import { createRequire } from "node:module";
import type { RtcSignal } from "@beeline/paths";
import { type OpenOptions, payload } from "./asker.ts";
import { Asking } from "./asking.ts";
import { openDataPeer } from "./data-peer-wire.ts";
import { answer as answerRtc } from "./page/rtc.ts";
import type { FromTcpPage, ToTcpPage } from "./tcp-page-end.ts";
import { type Wire, WireAsker } from "./wire.ts";

export type NodePageKind = "data-peer" | "wrtc";

export type ToNodePage = ToTcpPage | { readonly signal: RtcSignal };
export type FromNodePage = FromTcpPage | { readonly signal: RtcSignal };

interface Half {
  readonly wire: Promise<Wire>;
  accept(signal: RtcSignal): void;
  close(): void;
}

const kind = process.argv[2] as NodePageKind;

// Ready before anybody asks.
payload();

const asking = new Asking();
let half: Half | undefined;

function tell(message: FromNodePage): void {
  process.send?.(message);
}

/** Chromium's WebRTC in Node has a browser's interface, so it answers as a page does. */
function openWrtc(options: OpenOptions): Half {
  const { RTCPeerConnection } = createRequire(import.meta.url)("@roamhq/wrtc") as {
    RTCPeerConnection: typeof globalThis.RTCPeerConnection;
  };
  globalThis.RTCPeerConnection = RTCPeerConnection;
  const page = answerRtc(options, (signal) => tell({ signal }));
  return { ...page, close: () => {} };
}

function openHalf(options: OpenOptions): Half {
  if (kind === "wrtc") return openWrtc(options);
  return openDataPeer({ isOfferer: false }, options, (signal) => tell({ signal }));
}

async function open(options: OpenOptions): Promise<WireAsker> {
  const startedAtMs = performance.now();
  half = openHalf(options);
  return await WireAsker.open(await half.wire, startedAtMs);
}

async function answer({ call, arguments: given }: ToTcpPage): Promise<unknown> {
  if (call === "open") return await asking.open(open(given[0] as OpenOptions));
  const [a = 0, b = 0, c = 0] = given as readonly number[];
  if (call === "busyRoundTrips") return await asking.busyRoundTrips(a, b, c);
  if (call !== "close") return await asking[call](a, b);
  await asking.close();
  return half?.close();
}

process.on("message", (message: ToNodePage) => {
  if ("signal" in message) return half?.accept(message.signal);
  answer(message).then(
    (value) => tell({ id: message.id, value }),
    (error: unknown) => tell({ id: message.id, failed: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
