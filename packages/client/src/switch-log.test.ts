import { expect, test } from "vitest";
import { SwitchLog } from "./switch-log.ts";

function logAt(): { log: SwitchLog; at: (nowMs: number) => void } {
  let nowMs = 0;
  const log = new SwitchLog({ nowMs: () => nowMs, after: () => () => {} });
  return {
    log,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

test("the gap is how long a picture stood still when its bytes changed paths", () => {
  const { log, at } = logAt();
  at(100);
  log.sends("direct");
  log.arrives(1, "direct");
  at(1_000);
  log.arrives(1, "direct");
  at(2_450);
  log.sends("relay");
  at(2_500);
  log.arrives(1, "relay");
  expect(log.entries).toEqual([
    { to: "direct", atMs: 100, gapMs: 0 },
    { to: "relay", atMs: 2_450, gapMs: 1_500 },
  ]);
});

test("a move while nothing is on its way has no gap, and another stream is not held against it", () => {
  const { log, at } = logAt();
  log.sends("relay");
  log.arrives(1, "relay");
  log.ends(1);
  at(9_000);
  log.sends("direct");
  log.arrives(3, "direct");
  expect(log.entries.map(({ to, gapMs }) => `${to} ${gapMs}`)).toEqual(["relay 0", "direct 0"]);
});

test("only the other side may move: what arrives shows it", () => {
  const { log, at } = logAt();
  log.sends("direct");
  log.arrives(1, "direct");
  at(700);
  log.arrives(1, "relay");
  expect(log.entries.at(-1)).toEqual({ to: "relay", atMs: 700, gapMs: 700 });
});

test("a flapping path does not fill memory", () => {
  const { log } = logAt();
  for (let count = 0; count < 1_000; count += 1) log.sends(count % 2 === 0 ? "relay" : "direct");
  expect(log.entries.length).toBeLessThan(100);
});
