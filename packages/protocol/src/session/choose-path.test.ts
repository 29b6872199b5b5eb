import { expect, test } from "vitest";
import {
  type BulkChoice,
  chooseBulkPath,
  chooseCommandPath,
  isWorthProbing,
  type PathView,
} from "./choose-path.ts";

function view(kind: "relay" | "direct", change: Partial<PathView> = {}): PathView {
  return { kind, isOpen: true, rttMs: undefined, goodput: undefined, ...change };
}

test.each([
  ["nothing is open", undefined, undefined, undefined, undefined],
  ["only the relay is open", 50, undefined, undefined, "relay"],
  ["direct is new and unmeasured", 50, "new", "relay", "relay"],
  ["direct is shorter", 50, 20, "relay", "direct"],
  ["direct is as short: it spares the relay", 50, 54, "relay", "direct"],
  ["direct is longer", 50, 80, "relay", "relay"],
  ["direct became clearly longer", 50, 80, "direct", "relay"],
  ["direct became a little longer: jitter does not count", 50, 60, "direct", "direct"],
  ["the difference is nothing a person feels", 1, 5, "direct", "direct"],
] as const)("commands, when %s", (_when, relay, direct, current, expected) => {
  const paths = [
    ...(relay === undefined ? [] : [view("relay", { rttMs: relay })]),
    ...(direct === undefined
      ? []
      : [view("direct", { rttMs: direct === "new" ? undefined : direct })]),
  ];
  expect(chooseCommandPath(paths, current)).toBe(expected);
});

test("a path that is not open carries no commands", () => {
  const paths = [view("relay", { rttMs: 50 }), view("direct", { rttMs: 5, isOpen: false })];
  expect(chooseCommandPath(paths, "direct")).toBe("relay");
});

/** Decides twice, three seconds apart, as if nothing changed in between. */
function settled(
  policy: "preferDirect" | "fastest" | "saveRelay" | "relayOnly",
  paths: readonly PathView[],
  current: BulkChoice | undefined,
  backlog: number,
): string {
  const first = chooseBulkPath(policy, paths, current, backlog, 0);
  const second = chooseBulkPath(policy, paths, first, backlog, 3_000);
  return `${second?.kind} ${second?.reason}`;
}

const MB = 1_000_000;
const ON_RELAY = { kind: "relay", reason: "slower-than-relay", rivalSinceMs: undefined } as const;

test.each([
  ["preferDirect", undefined, undefined, 50 * MB, "direct policy"],
  ["preferDirect", 10 * MB, 1 * MB, 5 * MB, "direct policy"],
  ["preferDirect", 10 * MB, 0.1 * MB, 5 * MB, "relay slower-than-relay"],
  ["preferDirect", 0.15 * MB, 0.1 * MB, 5 * MB, "direct policy"],
  ["preferDirect", undefined, 0.1 * MB, 5 * MB, "direct policy"],
  ["fastest", undefined, 1 * MB, 5 * MB, "direct faster"],
  ["fastest", 1.1 * MB, 1 * MB, 5 * MB, "direct faster"],
  ["fastest", 1.3 * MB, 1 * MB, 5 * MB, "relay slower-than-relay"],
  ["saveRelay", 10 * MB, 0.1 * MB, 5 * MB, "direct policy"],
  ["relayOnly", 0.1 * MB, 10 * MB, 5 * MB, "relay policy"],
] as const)(
  "bulk under %s: relay %d B/s, direct %d B/s, %d bytes waiting → %s",
  (policy, relay, direct, backlog, expected) => {
    const paths = [view("relay", { goodput: relay }), view("direct", { goodput: direct })];
    expect(settled(policy, paths, undefined, backlog)).toBe(expected);
  },
);

test("bulk comes back to direct when that is faster again, or the backlog is small again", () => {
  const paths = (relay: number, direct: number) => [
    view("relay", { goodput: relay }),
    view("direct", { goodput: direct }),
  ];
  expect(settled("fastest", paths(1 * MB, 1.3 * MB), ON_RELAY, MB)).toBe("direct faster");
  expect(settled("fastest", paths(1 * MB, 1.1 * MB), ON_RELAY, MB)).toBe("relay slower-than-relay");
  expect(settled("preferDirect", paths(10 * MB, 0.1 * MB), ON_RELAY, 0.5 * MB)).toBe(
    "direct faster",
  );
});

test("a rival must stay better for two seconds, without a break", () => {
  const better = [view("relay", { goodput: 2 * MB }), view("direct", { goodput: MB })];
  const worse = [view("relay", { goodput: MB }), view("direct", { goodput: MB })];
  const decide = (paths: readonly PathView[], before: BulkChoice | undefined, nowMs: number) =>
    chooseBulkPath("fastest", paths, before, MB, nowMs);
  let choice = decide(better, undefined, 0);
  choice = decide(better, choice, 1_900);
  expect(choice?.kind).toBe("direct");
  choice = decide(worse, choice, 1_950);
  choice = decide(better, choice, 2_100);
  expect(choice?.kind).toBe("direct");
  choice = decide(better, choice, 4_100);
  expect(choice?.kind).toBe("relay");
});

test("the only open path carries everything", () => {
  const paths = [view("relay"), view("direct", { isOpen: false })];
  expect(chooseBulkPath("saveRelay", paths, undefined, MB, 0)).toMatchObject({
    kind: "relay",
    reason: "only-path",
  });
  expect(chooseBulkPath("fastest", [], undefined, MB, 0)).toBeUndefined();
});

test("the other path is probed when its speed would decide something", () => {
  const slow = [view("relay"), view("direct", { goodput: 0.1 * MB })];
  const quick = [view("relay"), view("direct", { goodput: 10 * MB })];
  expect(isWorthProbing("fastest", quick, MB)).toBe(true);
  expect(isWorthProbing("preferDirect", slow, 5 * MB)).toBe(true);
  expect(isWorthProbing("preferDirect", quick, 5 * MB)).toBe(false);
  expect(isWorthProbing("saveRelay", slow, 5 * MB)).toBe(false);
});
