import type { PathStats } from "@beeline/client";
import { expect, test } from "vitest";
import { badgeText, lastFew, pathRows, phaseText, reasonSentence } from "./path-wording.ts";

const relay = { kind: "relay", reason: "ice-failed", message: "" } as const;
const stats: PathStats = {
  kind: "relay",
  generation: 0,
  state: "open",
  rttMs: undefined,
  lossRatio: 0,
  goodput: undefined,
  sentBytes: 1_000,
  receivedBytes: 0,
  resentBytes: 0,
};

test("the badge names the path once there is one to name", () => {
  expect(badgeText("linked", relay)).toBe("Relay");
  expect(badgeText("linked", { ...relay, kind: "direct" })).toBe("Direct");
  expect(badgeText("waiting", relay)).toBe("Offline");
  expect(badgeText("joining", undefined)).toBe("Connecting");
  expect(badgeText("closed", undefined)).toBe("Not linked");
});

test("a reason is always a sentence, the link's own or ours", () => {
  expect(reasonSentence({ ...relay, message: "No way through." })).toBe("No way through.");
  expect(reasonSentence(relay)).toBe("No network route between the two sides was found");
});

test("what was not measured is not shown as nought", () => {
  const rows = Object.fromEntries(pathRows(stats));
  expect(rows).toMatchObject({ "Round trip": "–", Goodput: "–", Sent: "1 kB", Loss: "0 %" });
  expect(Object.fromEntries(pathRows({ ...stats, rttMs: 0.2, lossRatio: 0.004 }))).toMatchObject({
    "Round trip": "1 ms",
    Loss: "0.4 %",
  });
});

test("phases are told in the order they were reached", () => {
  const attempt = {
    generation: 1,
    outcome: "open",
    reason: "open",
    phases: { open: 91.6, offer: 3 },
  } as const;
  expect(phaseText(attempt)).toBe("offer 3 ms, open 92 ms");
});

test("the newest come first", () => {
  expect(lastFew([1, 2, 3], 2)).toEqual([3, 2]);
});
