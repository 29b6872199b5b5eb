import type { LinkKey } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  audience,
  countsOf,
  type Effect,
  EMPTY_ROOM,
  enter,
  isFull,
  leave,
  loseProcess,
  MAX_ROOM_PEERS,
  mayTalk,
  type Newcomer,
  presenceOf,
  type Room,
  revoke,
  type Step,
} from "./rooms.ts";

const KEY = "lasting" as LinkKey;

/** `c` client, `x` our extension, `s` shipped extension; `x1@home` is installed at home, `x1'` on another process. */
function peer(name: string): Newcomer {
  const [id = "", installation] = name.split("@");
  return {
    id,
    role: id.startsWith("c") ? "client" : "extension",
    kind: id.startsWith("s") ? "shipped" : "beeline",
    name: "",
    capabilities: [],
    installation,
    process: id.endsWith("'") ? "other" : "here",
    address: "192.0.2.1",
    isOwner: false,
    sinceMs: 0,
  };
}

function roomOf(...names: string[]): Room {
  return names.reduce((room, name) => enter(room, peer(name)).room, EMPTY_ROOM);
}

/** `c1 x1* x2`: members in order, the active extension starred. */
function drawn({ members }: Room): string {
  return members.map(({ id, active }) => (active ? `${id}*` : id)).join(" ");
}

function told(effects: readonly Effect[]): string[] {
  return effects.map((effect) => {
    if (effect.do === "dropSocket") return `drop ${effect.peer}`;
    if (!("to" in effect)) return `${effect.do} ${effect.peer}`;
    return `${effect.do} ${effect.to.join(" ")}`;
  });
}

function logged({ room, effects }: Step): string[] {
  return [drawn(room), ...told(effects)];
}

test.each<[string, Room, string, string[]]>([
  ["the first client", EMPTY_ROOM, "c1", ["c1", "tellPresence c1"]],
  ["the first extension becomes active", roomOf("c1"), "x1", ["c1 x1*", "tellPresence c1 x1"]],
  ["a second extension stands by", roomOf("x1@a"), "x2@b", ["x1* x2", "tellPresence x1 x2"]],
  ["an extension without an installation", roomOf("x1"), "x2", ["x1* x2", "tellPresence x1 x2"]],
  ["a shipped one beside ours", roomOf("x1@a"), "s1@a", ["x1* s1", "tellPresence x1 s1"]],
  ["a client of the same installation", roomOf("c1@a"), "c2@a", ["c1 c2", "tellPresence c1 c2"]],
  [
    "the active extension again: the old socket goes",
    roomOf("c1", "x1@a"),
    "x2@a",
    ["c1 x2*", "drop x1", "tellPresence c1 x2"],
  ],
  [
    "a standby extension again: the active one stays",
    roomOf("x1@a", "x2@b"),
    "x3@b",
    ["x1* x3", "drop x2", "tellPresence x1 x3"],
  ],
  [
    "the active shipped extension again: the older one steps back",
    roomOf("c1", "s1@a"),
    "s2@a",
    ["c1 s1 s2*", "tellPresence c1 s1 s2"],
  ],
])("enter: %s", (_when, room, name, expected) => {
  expect(logged(enter(room, peer(name)))).toEqual(expected);
});

test("enter: a replaced key is told to everybody before the presence", () => {
  const step = enter(roomOf("c1", "c2"), peer("x1"), { key: KEY, isNews: true });
  expect(step.effects).toEqual([
    { do: "tellKey", to: ["c1", "c2", "x1"], key: KEY },
    { do: "tellPresence", to: ["c1", "c2", "x1"] },
  ]);
});

test.each<[string, Room, string, string[]]>([
  ["a client", roomOf("c1", "x1"), "c1", ["x1*", "tellPresence x1"]],
  ["the last one", roomOf("c1"), "c1", ["", "tellPresence "]],
  ["nobody", roomOf("c1"), "c9", ["c1"]],
  ["the only extension", roomOf("c1", "x1"), "x1", ["c1", "tellPresence c1"]],
  ["a standby", roomOf("x1", "x2", "x3"), "x2", ["x1* x3", "tellPresence x1 x3"]],
  [
    "the active one: the longest-waiting standby follows",
    roomOf("x1", "c1", "x2", "x3"),
    "x1",
    ["c1 x2* x3", "tellPresence c1 x2 x3"],
  ],
])("leave: %s", (_who, room, id, expected) => {
  expect(logged(leave(room, id))).toEqual(expected);
});

test("revoke tells everybody and leaves nobody", () => {
  const step = revoke(roomOf("c1", "x1", "s1"));
  expect(step.room).toEqual(EMPTY_ROOM);
  expect(step.effects).toEqual([
    { do: "tellKicked", to: ["c1", "x1", "s1"], code: "LINK_REVOKED" },
  ]);
});

test.each([
  { from: "c1", event: "command", heardBy: ["x1"] },
  { from: "x1", event: "commandStatus", heardBy: ["c1", "c2"] },
  { from: "x2", event: "commandStatus", heardBy: [] },
  { from: "x1", event: "command", heardBy: [] },
  { from: "c1", event: "commandStatus", heardBy: [] },
] as const)("$event of $from is heard by $heardBy", ({ from, event, heardBy }) => {
  const room = roomOf("c1", "x1", "x2", "c2");
  const speaker = room.members.find(({ id }) => id === from);
  expect(speaker && audience(room, speaker, event).map(({ id }) => id)).toEqual(heardBy);
});

test("peers of a process that is gone leave together, and a standby takes over", () => {
  const room = roomOf("c1", "x1'", "c2'", "x2");
  expect(logged(loseProcess(room, "other"))).toEqual([
    "c1 x2*",
    "tellPresence c1 x2",
    "reconnect x1'",
    "reconnect c2'",
  ]);
  expect(loseProcess(room, "nowhere")).toEqual({ room, effects: [] });
});

test("peers may talk only if they are a client and the active extension", () => {
  const { members } = roomOf("c1", "c2", "x1", "x2");
  const pairs = members.flatMap((a) => members.map((b) => [a, b] as const));
  const allowed = pairs.filter(([a, b]) => mayTalk(a, b)).map(([a, b]) => `${a.id}-${b.id}`);
  expect(allowed).toEqual(["c1-x1", "c2-x1", "x1-c1", "x1-c2"]);
});

test("presence shows no installation, and shipped peers get counts", () => {
  const room = roomOf("c1", "x1@secret", "s1");
  expect(JSON.stringify(presenceOf(room))).not.toContain("secret");
  expect(countsOf(room)).toEqual({ client: 1, sd: 2 });
});

test(`a room is full with ${MAX_ROOM_PEERS} peers`, () => {
  const names = Array.from({ length: MAX_ROOM_PEERS }, (_, i) => `c${i}`);
  expect(isFull(roomOf(...names))).toBe(true);
  expect(isFull(roomOf(...names.slice(1)))).toBe(false);
});

test("property: whoever comes and goes, a room with extensions has exactly one active", () => {
  const cast = ["c1", "x1@a", "x2@a", "x3@b", "s1@a", "s2@a", "s3@b", "x4"];
  let seed = 1;
  // A linear congruential generator: the same history in every run.
  const draw = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * n);
  };
  let room = EMPTY_ROOM;
  for (let step = 0; step < 2_000; step++) {
    const newcomer = peer(cast[draw(cast.length)] ?? "c1");
    const isInside = room.members.some(({ id }) => id === newcomer.id);
    room = (isInside ? leave(room, newcomer.id) : enter(room, newcomer)).room;
    const extensions = room.members.filter(({ role }) => role === "extension");
    const active = room.members.filter((member) => member.active);
    expect(active.length, drawn(room)).toBe(extensions.length === 0 ? 0 : 1);
    expect(active.every(({ role }) => role === "extension")).toBe(true);
  }
});

test("a socket that enters again, because it did not hear that it was in, is there once", () => {
  const room = roomOf("c1", "x1");
  const again = enter(room, peer("x1"));
  expect(again.room.members.map(({ id, active }) => [id, active])).toEqual([
    ["c1", false],
    ["x1", true],
  ]);
  expect(again.effects.map((effect) => effect.do)).toEqual(["tellPresence"]);
});
