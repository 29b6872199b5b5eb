import type { Attempt } from "@beeline/protocol";
import { expect, test } from "vitest";
import { inTurn } from "./turn-order.ts";

const STUN = { urls: "stun:server:3939" };
const TURN = {
  urls: ["turn:turn:3478?transport=udp", "turn:turn:3478?transport=tcp"],
  username: "user",
  credential: "secret",
};
const UDP = { ...TURN, urls: "turn:turn:3478?transport=udp" };
const TCP = { ...TURN, urls: "turn:turn:3478?transport=tcp" };

function attempt(outcome: Attempt["outcome"], phases: Attempt["phases"] = {}): Attempt {
  return { generation: 1, outcome, reason: "ice-failed", phases };
}

test("after an attempt that found no way, the next one begins with the next TURN address", () => {
  const order = (...attempts: Attempt[]) => inTurn([TURN, STUN], attempts);
  const fruitless = attempt("failed");
  expect(order()).toEqual([STUN, UDP, TCP]);
  expect(order(fruitless, attempt("connecting"))).toEqual([STUN, TCP, UDP]);
  expect(order(fruitless, fruitless)).toEqual([STUN, UDP, TCP]);
});

test("one that had found a way begins the order anew", () => {
  const found = attempt("failed", { checking: 20, connected: 100 });
  expect(inTurn([TURN], [attempt("failed"), found])).toEqual([UDP, TCP]);
  expect(inTurn([TURN], [found, attempt("failed")])).toEqual([TCP, UDP]);
});

test("without TURN nothing changes", () => {
  expect(inTurn([STUN], [attempt("failed")])).toEqual([STUN]);
  expect(inTurn([], [attempt("failed")])).toEqual([]);
});
