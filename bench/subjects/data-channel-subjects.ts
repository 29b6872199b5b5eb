/** Our own data peer and those it is held against: the subjects of the section `data-channel`. */

import { chromiumSubject } from "./chromium-subject.ts";
import { nodeSubject } from "./node-subject.ts";
import type { Subject } from "./subject.ts";
import { SUBJECTS } from "./subjects.ts";
import { versionsOf } from "./versions.ts";

const NODE = { node: process.versions.node };
const anywhere = (): undefined => undefined;

function ours(id: string, name: string, ends: string): Parameters<typeof nodeSubject>[0] {
  const versions = { ...NODE, ...versionsOf("werift") };
  return { id, name, isYardstick: false, ends, versions, unfit: anywhere };
}

const inChromium = "Node to Chromium";
const inNode = "Node to Node";

/** As the adapter opens it, with the congestion control it has by default: the one like BBR. */
export const dataPeer = chromiumSubject(ours("data-peer", "Beeline data peer", inChromium), {
  page: { kind: "rtc-two" },
  home: "data-peer",
});
export const dataPeerCubic = chromiumSubject(
  ours("data-peer-cubic", "Beeline data peer, CUBIC", inChromium),
  { page: { kind: "rtc-two" }, home: "data-peer-cubic" },
);
export const dataPeerToNode = nodeSubject(
  ours("data-peer-node", "Beeline data peer, Node to Node", inNode),
  { page: "data-peer", home: "data-peer" },
);
export const wrtcToNode = nodeSubject(
  {
    id: "wrtc-node",
    name: "@roamhq/wrtc, Node to Node",
    isYardstick: true,
    ends: inNode,
    versions: { ...NODE, ...versionsOf("simple-peer", "@roamhq/wrtc") },
    unfit: anywhere,
  },
  { page: "wrtc", home: "wrtc" },
);

/** Of those that the matrix has. */
export function known(id: string): Subject {
  const found = SUBJECTS.find((subject) => subject.id === id);
  if (found === undefined) throw new Error(`no subject ${id}`);
  return found;
}
