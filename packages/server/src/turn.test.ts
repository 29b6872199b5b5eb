/** Quotas of TURN credentials, with a clock. */

import { expect, test } from "vitest";
import { LocalRooms } from "./room-directory.ts";
import { TurnDesk, TurnPolicy } from "./turn.ts";

function openDesk() {
  const clock = { nowMs: 0 };
  const limits: string[] = [];
  const policy = TurnPolicy.parse({ urls: ["turn:turn.example"], secret: "sixteen letters." });
  const now = () => clock.nowMs;
  const rooms = new LocalRooms(now);
  const desk = new TurnDesk(policy, { rooms, now, onLimited: (limit) => limits.push(limit) });
  /** How many of `tries` are granted. */
  const grants = (user: string, address: string, tries: number) =>
    Array.from({ length: tries }, () => desk.grant(user, address)).filter(Boolean).length;
  return { clock, limits, grants };
}

test("a user gets 120 credentials at once and one in 30 s, wherever it is", () => {
  const { clock, limits, grants } = openDesk();
  expect(grants("ann", "192.0.2.1", 200)).toBe(120);
  expect(grants("ann", "192.0.2.2", 1)).toBe(0);
  expect(limits.every((limit) => limit === "turn-user")).toBe(true);
  clock.nowMs += 60_000;
  expect(grants("ann", "192.0.2.2", 200)).toBe(2);
});

test("however many users one address makes, it gets what four of them get, and others get theirs", () => {
  const { limits, grants } = openDesk();
  let granted = 0;
  for (let user = 0; user < 60; user++) granted += grants(`user ${user}`, "192.0.2.1", 120);
  expect(granted).toBe(480);
  expect(limits).toContain("turn-address");
  expect(grants("ann", "192.0.2.2", 120)).toBe(120);
});

test("all users together get 4,000, and a refusal costs nobody anything", () => {
  const { clock, limits, grants } = openDesk();
  let granted = 0;
  for (let user = 0; user < 40; user++) granted += grants(`user ${user}`, `192.0.2.${user}`, 120);
  expect(granted).toBe(4_000);
  expect(limits).toContain("turn-total");
  clock.nowMs += 60 * 60_000;
  expect(grants("user 39", "192.0.2.39", 120)).toBe(120);
});
