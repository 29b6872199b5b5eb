import { describe, expect, test } from "vitest";
import { fragment, iFragment, taken } from "../../../../test/support/sctp-fragments.ts";
import type { DataChunk } from "../wire/chunk.ts";
import { Reassembly, type ReassemblyOptions } from "./reassembly.ts";

const OPTIONS: ReassemblyOptions = {
  isInterleaved: false,
  inboundStreams: 100,
  maxReceivedMessageBytes: 1_000,
  receiveWindowBytes: 10_000,
};

function interleaved(): Reassembly {
  return new Reassembly({ ...OPTIONS, isInterleaved: true });
}

describe("a message", () => {
  test("of one fragment is its receiver's own", () => {
    const reassembly = new Reassembly(OPTIONS);
    const chunk = fragment(1, "BE", "hello", { messageId: 0, streamId: 7 });
    expect(reassembly.add(chunk)).toBe("taken");
    chunk.payload.fill(0);
    const message = reassembly.take();
    expect(message).toMatchObject({ streamId: 7, protocolId: 51, isUnordered: false });
    expect(new TextDecoder().decode(message?.payload)).toBe("hello");
    expect(reassembly.take()).toBe(undefined);
  });

  test.each([[[1, 2, 3]], [[1, 3, 2]], [[2, 1, 3]], [[2, 3, 1]], [[3, 1, 2]], [[3, 2, 1]]])(
    "of three fragments is whole when they come as %j",
    (order) => {
      const parts = [fragment(1, "B", "one "), fragment(2, "", "two "), fragment(3, "E", "three")];
      const plain = new Reassembly(OPTIONS);
      for (const tsn of order) {
        expect(taken(plain)).toEqual([]);
        const part = parts[tsn - 1] as DataChunk;
        const packet = { ...part, payload: part.payload.slice() };
        expect(plain.add(packet)).toBe("taken");
        packet.payload.fill(0);
      }
      expect(taken(plain)).toEqual(["one two three"]);

      const numbered = interleaved();
      for (const tsn of order) {
        const part = parts[tsn - 1] as DataChunk;
        const packet = { ...part, payload: part.payload.slice() };
        expect(numbered.add({ ...packet, isInterleaved: true, fragment: tsn - 1 })).toBe("taken");
        packet.payload.fill(0);
      }
      expect(numbered.take()).toMatchObject({ protocolId: 51 });
      for (const reassembly of [plain, numbered]) expect(reassembly.windowBytes).toBe(10_000);
    },
  );

  test("that is ordered waits for the one before it, in its stream only", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(3, "BE", "third", { messageId: 2 }));
    reassembly.add(fragment(2, "BE", "second", { messageId: 1 }));
    reassembly.add(fragment(4, "BE", "other", { streamId: 2 }));
    reassembly.add(fragment(5, "BE", "unordered", { isUnordered: true }));
    expect(taken(reassembly)).toEqual(["other", "unordered"]);
    reassembly.add(fragment(1, "BE", "first"));
    expect(taken(reassembly)).toEqual(["first", "second", "third"]);
  });

  test.each([
    ["SSN", false, 0x1_0000],
    ["MID", true, 0x1_0000_0000],
  ])("keeps its order when the %s wraps", (_name, isInterleaved, circle) => {
    const reassembly = new Reassembly({ ...OPTIONS, isInterleaved });
    const last = circle - 1;
    const cumulativeTsn = 10;
    const skip = { streamId: 1, isUnordered: false, messageId: last - 2 };
    // Half the circle at a time, as nothing further is ahead.
    for (const messageId of [circle / 2 - 1, last - 2]) {
      reassembly.forward(
        { type: "forward-tsn", isInterleaved, cumulativeTsn, skipped: [{ ...skip, messageId }] },
        0,
      );
    }
    const message = (tsn: number, messageId: number) =>
      fragment(tsn, "BE", String(messageId), { messageId, isInterleaved });
    for (const [tsn, messageId] of [
      [14, 1],
      [13, 0],
      [12, last],
    ] as const) {
      expect(reassembly.add(message(tsn, messageId))).toBe("taken");
    }
    expect(taken(reassembly)).toEqual([]);
    reassembly.add(message(11, last - 1));
    expect(taken(reassembly)).toEqual([last - 1, last, 0, 1].map(String));
  });

  test("may alternate with others where that was agreed", () => {
    const reassembly = interleaved();
    reassembly.add(iFragment(0, "B", "big ", { streamId: 1 }));
    reassembly.add(iFragment(0, "B", "un", { streamId: 1, isUnordered: true }));
    reassembly.add(iFragment(0, "BE", "small", { streamId: 2 }));
    expect(taken(reassembly)).toEqual(["small"]);
    reassembly.add(iFragment(1, "E", "ordered", { streamId: 1, isUnordered: true }));
    reassembly.add(iFragment(1, "E", "message", { streamId: 1 }));
    expect(taken(reassembly)).toEqual(["unordered", "big message"]);
  });

  test("of another length than the one before is as long as it is", () => {
    const reassembly = new Reassembly({
      ...OPTIONS,
      maxReceivedMessageBytes: 50_000,
      receiveWindowBytes: 100_000,
    });
    let tsn = 0;
    for (const [messageId, parts] of [20, 1, 33, 2].entries()) {
      const texts = Array.from({ length: parts + 1 }, (_, part) => `${part}`.padStart(1_000, "."));
      for (const [part, text] of texts.entries()) {
        const ends = `${part === 0 ? "B" : ""}${part === parts ? "E" : ""}`;
        tsn += 1;
        reassembly.add(fragment(tsn, ends, text, { messageId }));
      }
      expect(taken(reassembly)).toEqual([texts.join("")]);
    }
  });
});

describe("the window", () => {
  test("shrinks by what is kept, assembled or not, until it is taken", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(1, "B", "x".repeat(100)));
    reassembly.add(fragment(3, "E", "x".repeat(10)));
    expect(reassembly.windowBytes).toBe(9_890);
    reassembly.add(fragment(2, "", "x"));
    reassembly.add(fragment(9, "BE", "xxx", { messageId: 5 }));
    expect(reassembly.windowBytes).toBe(9_886);
    expect(taken(reassembly)).toHaveLength(1);
    expect(reassembly.windowBytes).toBe(9_997);
  });

  test("is zero beyond its end, and what comes at twice its end is not kept", () => {
    const reassembly = new Reassembly(OPTIONS);
    const outcomes = Array.from({ length: 21 }, (_, index) =>
      reassembly.add(fragment(3 + 2 * index, "", "x".repeat(1_000))),
    );
    expect(reassembly.windowBytes).toBe(0);
    expect(outcomes.lastIndexOf("taken")).toBe(19);
    expect(outcomes[20]).toBe("no-room");
  });
});

describe("a rule is broken by", () => {
  test.each<[string, string, DataChunk[], Partial<ReassemblyOptions>?]>([
    ["no data at all", "no-user-data", [fragment(1, "BE", "")]],
    ["I-DATA where DATA was agreed", "wrong-data-kind", [iFragment(0, "BE", "x")]],
    [
      "DATA where I-DATA was agreed",
      "wrong-data-kind",
      [fragment(1, "BE", "x")],
      { isInterleaved: true },
    ],
    ["a stream that is not there", "invalid-stream", [fragment(1, "BE", "x", { streamId: 100 })]],
    ["one fragment too long", "message-too-large", [fragment(1, "B", "x".repeat(1_001))]],
    [
      "fragments too long together",
      "message-too-large",
      [fragment(1, "B", "x".repeat(600)), fragment(2, "", "x".repeat(600))],
    ],
    [
      "the same behind a hole",
      "message-too-large",
      [iFragment(4, "", "x".repeat(600)), iFragment(5, "", "x".repeat(600))],
      { isInterleaved: true },
    ],
    [
      "a message in a message",
      "fragment-out-of-place",
      [fragment(1, "B", "x"), fragment(2, "B", "x")],
    ],
    [
      "a whole one in a message",
      "fragment-out-of-place",
      [fragment(1, "B", "x"), fragment(2, "BE", "x")],
    ],
    [
      "a fragment after the last",
      "fragment-out-of-place",
      [fragment(3, "", "x"), fragment(1, "B", "x"), fragment(2, "E", "x")],
    ],
    [
      "a fragment after a whole one",
      "fragment-out-of-place",
      [fragment(3, "", "x"), fragment(2, "BE", "x")],
    ],
    [
      "a fragment of another stream",
      "fragment-out-of-place",
      [fragment(1, "B", "x"), fragment(2, "E", "x", { streamId: 2 })],
    ],
    [
      "a fragment of another number",
      "fragment-out-of-place",
      [fragment(1, "B", "x"), fragment(2, "E", "x", { messageId: 2 })],
    ],
    [
      "a fragment that is unordered",
      "fragment-out-of-place",
      [fragment(1, "B", "x"), fragment(2, "E", "x", { isUnordered: true })],
    ],
    [
      "an SSN used already",
      "sequence-out-of-place",
      [fragment(1, "BE", "x"), fragment(2, "BE", "x")],
    ],
    [
      "an SSN that waits already",
      "sequence-out-of-place",
      [fragment(1, "BE", "x", { messageId: 3 }), fragment(2, "BE", "x", { messageId: 3 })],
    ],
    [
      "a fragment twice",
      "fragment-out-of-place",
      [iFragment(0, "B", "x"), iFragment(0, "B", "x")],
      { isInterleaved: true },
    ],
    [
      "a fragment twice behind a hole",
      "fragment-out-of-place",
      [iFragment(3, "", "x"), iFragment(3, "", "x")],
      { isInterleaved: true },
    ],
    [
      "two ends",
      "fragment-out-of-place",
      [iFragment(3, "E", "x"), iFragment(5, "E", "x")],
      { isInterleaved: true },
    ],
    [
      "a fragment beyond the end",
      "fragment-out-of-place",
      [iFragment(3, "E", "x"), iFragment(5, "", "x")],
      { isInterleaved: true },
    ],
    [
      "an end before a fragment",
      "fragment-out-of-place",
      [iFragment(5, "", "x"), iFragment(3, "E", "x")],
      { isInterleaved: true },
    ],
    [
      "a whole one over a fragment",
      "fragment-out-of-place",
      [iFragment(1, "", "x"), iFragment(0, "BE", "x")],
      { isInterleaved: true },
    ],
    [
      "a fragment 0 that is not first",
      "fragment-out-of-place",
      [iFragment(0, "", "x")],
      { isInterleaved: true },
    ],
  ])("%s: %s", (_what, violation, chunks, more = {}) => {
    const reassembly = new Reassembly({ ...OPTIONS, ...more });
    const outcomes = chunks.map((chunk) => reassembly.add(chunk));
    expect(outcomes.pop()).toBe(violation);
    expect(outcomes.every((outcome) => outcome === "taken")).toBe(true);
  });

  test("a fragment that belongs to nothing when nothing is missing before it", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(1, "BE", "x"));
    expect(reassembly.advance(0, 1)).toBe(undefined);
    expect(reassembly.add(fragment(2, "", "x"))).toBe("taken");
    expect(reassembly.advance(1, 2)).toBe("fragment-out-of-place");
  });
});
