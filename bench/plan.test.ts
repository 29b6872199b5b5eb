import { describe, expect, test } from "vitest";
import { estimateMs, leftOut, MATRIX_LIMIT_MS, ROUNDS, taskFor } from "./plan.ts";
import { SITUATIONS, situationOf, wayOf } from "./situations.ts";
import { SUBJECTS } from "./subjects/subjects.ts";

/** What an estimate does not know of a full run: stopped transfers, failures, a busy machine. */
const UNKNOWN_MS = 9 * 60_000;

function totalMs(isQuick: boolean): number {
  const rounds = isQuick ? ROUNDS.quick : ROUNDS.full;
  return SITUATIONS.reduce((sum, situation) => {
    const tasks = SUBJECTS.filter((subject) => subject.unfit(situation) === undefined).flatMap(
      ({ id }) => taskFor(id, situation, { isQuick }) ?? [],
    );
    return tasks.length === 0 ? sum : sum + estimateMs(situation, tasks, rounds);
  }, 0);
}

describe("a plan", () => {
  test("fits into its hour, and a quick one into its two minutes", () => {
    expect(totalMs(false)).toBeLessThan(MATRIX_LIMIT_MS.full - UNKNOWN_MS);
    expect(totalMs(true)).toBeLessThan(MATRIX_LIMIT_MS.quick);
  });

  test("asks relay and direct for the same in every situation", () => {
    for (const situation of SITUATIONS) {
      const relay = taskFor("relay", situation, { isQuick: false });
      const direct = taskFor("direct", situation, { isQuick: false });
      expect((relay?.errands.length ?? 0) + (relay?.more.length ?? 0)).toBeGreaterThan(4);
      expect(direct?.errands).toEqual(relay?.errands);
      expect(direct?.more).toEqual(relay?.more);
    }
  });

  test("does not begin what the line cannot carry in time, and says so", () => {
    const mobile = situationOf("lossy-mobile");
    const task = taskFor("relay", mobile, { isQuick: false });
    const errands = [...(task?.errands ?? []), ...(task?.more ?? [])];
    // 20 Mbit/s down: 32 MB take 12.9 s if nothing is lost.
    expect(errands).not.toContainEqual({ bytes: 32_000_000, direction: "down" });
    expect(errands).toContainEqual({ bytes: 8_000_000, direction: "down" });
    expect(leftOut(mobile, { isQuick: false })).toEqual([
      {
        what: "phone on lossy mobile: 32 MB down",
        why: "the line alone needs 13 s of the 20 s that are allowed",
      },
    ]);
  });

  test("has everybody carry the same before bulk and anything else, one size down first of all", () => {
    for (const situation of SITUATIONS) {
      const common = taskFor("relay", situation, { isQuick: false })?.errands;
      expect(common?.[0]).toEqual({ bytes: 8_000_000, direction: "down" });
      for (const { id } of SUBJECTS) {
        expect(taskFor(id, situation, { isQuick: false })?.errands).toEqual(common);
      }
    }
  });
});

describe("situations", () => {
  test("are what their names say, end to end", () => {
    const ocean = situationOf("ocean");
    const uplink = wayOf(situationOf("home-uplink"), "home", "page");
    expect(wayOf(ocean, "home", "page").ms + wayOf(ocean, "page", "home").ms).toBe(150);
    expect(uplink.mbit).toBe(20);
    const lan = situationOf("lan-far-relay");
    expect(wayOf(lan, "page", "home").ms * 2).toBe(2);
    expect(wayOf(lan, "page", "server").ms * 2).toBeGreaterThan(80);
  });
});
