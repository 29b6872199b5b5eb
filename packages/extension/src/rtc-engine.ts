/**
 * What carries direct paths: `beeline`, our own SCTP over werift's ICE and DTLS, or `werift`, its stock
 * SCTP, kept to compare with and to fall back on.
 */

import type { CreateRtcPeer } from "@beeline/paths";
import { createDataPeer } from "@beeline/paths/data-peer";
import { createWeriftPeer } from "@beeline/paths/werift";

export const RTC_ENGINES = ["beeline", "werift"] as const;

export type RtcEngine = (typeof RTC_ENGINES)[number];

export const DEFAULT_RTC_ENGINE: RtcEngine = "beeline";

const CREATE: Readonly<Record<RtcEngine, CreateRtcPeer>> = {
  beeline: createDataPeer,
  werift: createWeriftPeer,
};

export function createPeerBy(engine: RtcEngine): CreateRtcPeer {
  return CREATE[engine];
}
