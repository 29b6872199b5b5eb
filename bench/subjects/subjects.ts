/** Everything that is compared. A new one is an entry here and its home in `ends/home/`. */

import { DEFAULT_RTC_ENGINE } from "@beeline/extension";
import { chromiumSubject } from "./chromium-subject.ts";
import type { Subject } from "./subject.ts";
import { tcpSubject } from "./tcp-subject.ts";
import { versionsOf } from "./versions.ts";

const NODE = { node: process.versions.node };
const NODE_TO_CHROMIUM = "Node to Chromium";
const anywhere = (): undefined => undefined;

/** Signals are carried by the bench, so a raw channel needs nothing but a way. */
function rawChannel(
  id: "werift" | "wrtc" | "node-datachannel",
  name: string,
  packages: readonly string[],
): Subject {
  const versions = { ...NODE, ...versionsOf(...packages) };
  const entry = { id, name, isYardstick: true, ends: NODE_TO_CHROMIUM, versions, unfit: anywhere };
  return chromiumSubject(entry, { page: { kind: "rtc" }, home: id });
}

function beeline(id: string, name: string, policy: "relayOnly" | "saveRelay"): Subject {
  const engine = policy === "relayOnly" ? {} : { "data channel by": DEFAULT_RTC_ENGINE };
  const versions = { ...NODE, ...engine, ...versionsOf("socket.io", "werift", "simple-peer") };
  const entry = { id, name, isYardstick: false, ends: NODE_TO_CHROMIUM, versions, unfit: anywhere };
  return chromiumSubject(entry, {
    page: { kind: "beeline", policy },
    home: "beeline",
    server: "beeline",
  });
}

export const SUBJECTS: readonly Subject[] = [
  beeline("relay", "Beeline, relay", "relayOnly"),
  // The policy that stays direct also when the relay is faster: what is asked here is how fast each is.
  beeline("direct", "Beeline, direct", "saveRelay"),
  chromiumSubject(
    {
      id: "first-version",
      name: "specification's first version",
      isYardstick: true,
      ends: NODE_TO_CHROMIUM,
      versions: { ...NODE, ...versionsOf("socket.io", "socket.io-client") },
      unfit: anywhere,
    },
    { page: { kind: "first-version" }, home: "first-version", server: "room" },
  ),
  chromiumSubject(
    {
      id: "peerjs",
      name: "PeerJS",
      isYardstick: true,
      ends: "Chromium to Chromium",
      versions: versionsOf("peerjs", "peer"),
      unfit: anywhere,
    },
    { page: { kind: "peerjs" }, home: "chromium", server: "peerjs" },
  ),
  rawChannel("werift", "werift channel", ["werift"]),
  rawChannel("wrtc", "simple-peer over wrtc", ["simple-peer", "@roamhq/wrtc"]),
  rawChannel("node-datachannel", "node-datachannel", ["node-datachannel"]),
  tcpSubject("bbr"),
  tcpSubject("cubic"),
];
