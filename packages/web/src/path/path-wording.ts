/** The path in words and numbers, for the badge and the panel. Pure. */

import type {
  AttemptReport,
  LinkState,
  LinkStats,
  PathPolicy,
  PathReport,
  PathStats,
} from "@beeline/client";
import { DIRECT_REASONS, type DirectReason } from "@beeline/protocol";
import { formatBytes, formatRate } from "../wording.ts";

export const POLICY_WORDS: Readonly<
  Record<PathPolicy, { readonly label: string; readonly hint: string }>
> = {
  preferDirect: { label: "Prefer direct", hint: "Direct whenever it is open and quick enough." },
  fastest: { label: "Fastest", hint: "Pictures take the path that is measurably faster." },
  saveRelay: { label: "Spare the server", hint: "Direct even where the relay would be faster." },
  relayOnly: { label: "Relay only", hint: "Never connects directly; your address stays hidden." },
};

/** How the badge reads: `Direct`, `Relay`, or what there is instead of a path. */
export function badgeText(state: LinkState, path: PathReport | undefined): string {
  if (state === "waiting") return "Offline";
  if (state === "joining") return "Connecting";
  if (path === undefined) return "Not linked";
  return path.kind === "direct" ? "Direct" : "Relay";
}

/** One sentence for people; falls back to our own words when the link has none. */
export function reasonSentence(path: PathReport): string {
  return path.message.trim() || DIRECT_REASONS[path.reason];
}

export function reasonText(reason: DirectReason): string {
  return DIRECT_REASONS[reason];
}

/** What is measured of one path; `–` stands for what is not known yet. */
export function pathRows(path: PathStats): readonly (readonly [label: string, value: string])[] {
  return [
    ["Round trip", path.rttMs === undefined ? "–" : `${Math.max(1, Math.round(path.rttMs))} ms`],
    ["Received", formatBytes(path.receivedBytes)],
    ["Sent", formatBytes(path.sentBytes)],
    ["Goodput", path.goodput === undefined ? "–" : formatRate(path.goodput)],
    ["Sent again", formatBytes(path.resentBytes)],
    [
      "Loss",
      `${(path.lossRatio * 100).toFixed(path.lossRatio > 0 && path.lossRatio < 0.1 ? 1 : 0)} %`,
    ],
  ];
}

/** The phases of an attempt in the order they were reached: `offer 12 ms, ice 80 ms`. */
export function phaseText(attempt: AttemptReport): string {
  return Object.entries(attempt.phases)
    .sort(([, a], [, b]) => a - b)
    .map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`)
    .join(", ");
}

/** `to direct, gap 20 ms`. */
export function switchText(change: LinkStats["switches"][number]): string {
  return `to ${change.to}, gap ${Math.round(change.gapMs)} ms`;
}

/** Newest first, and no more than a panel can show. */
export function lastFew<T>(items: readonly T[], count: number): readonly T[] {
  return items.slice(-count).reverse();
}
