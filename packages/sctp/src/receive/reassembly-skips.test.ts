import { describe, expect, test } from "vitest";
import { fragment, iFragment, taken } from "../../../../test/support/sctp-fragments.ts";
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

describe("what the other side gave up", () => {
  const forward = (cumulativeTsn: number, ...skipped: [number, number][]) => ({
    type: "forward-tsn" as const,
    isInterleaved: false,
    cumulativeTsn,
    skipped: skipped.map(([streamId, messageId]) => ({ streamId, isUnordered: false, messageId })),
  });

  test("is skipped, and what waited for it goes through in order", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(2, "B", "half"));
    reassembly.add(fragment(5, "", "loose"));
    reassembly.add(fragment(8, "BE", "fourth", { messageId: 3 }));
    reassembly.add(fragment(7, "BE", "third", { messageId: 2 }));
    reassembly.add(fragment(9, "BE", "sixth", { messageId: 5 }));
    expect(reassembly.forward(forward(6, [1, 1]), 0)).toBe(undefined);
    expect(taken(reassembly)).toEqual(["third", "fourth"]);
    expect(reassembly.windowBytes).toBe(9_995);
    reassembly.forward(forward(10, [1, 6]), 6);
    expect(taken(reassembly)).toEqual(["sixth"]);
    expect(reassembly.windowBytes).toBe(10_000);
  });

  test("may be a jump of two thousand million", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(2, "B", "half"));
    reassembly.add(fragment(5, "", "loose"));
    reassembly.forward(forward(0x7fff_fff0), 0);
    expect(reassembly.windowBytes).toBe(10_000);
  });

  test("may be the rest of a message that began", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(3, "B", "half"));
    reassembly.forward(forward(3), 1);
    expect(reassembly.add(fragment(4, "BE", "next"))).toBe("taken");
    expect(taken(reassembly)).toEqual(["next"]);
    expect(reassembly.windowBytes).toBe(10_000);
  });

  test("is nothing when it was delivered already", () => {
    const reassembly = new Reassembly(OPTIONS);
    reassembly.add(fragment(1, "BE", "first"));
    reassembly.add(fragment(2, "BE", "second", { messageId: 1 }));
    reassembly.forward(forward(3, [1, 0]), 2);
    expect(reassembly.add(fragment(4, "BE", "third", { messageId: 2 }))).toBe("taken");
    expect(taken(reassembly)).toEqual(["first", "second", "third"]);
  });

  test("is told by message where messages alternate", () => {
    const reassembly = interleaved();
    reassembly.add(iFragment(0, "B", "half"));
    reassembly.add(iFragment(2, "", "loose"));
    reassembly.add(iFragment(0, "B", "half", { isUnordered: true, messageId: 4 }));
    reassembly.add(iFragment(0, "B", "kept ", { isUnordered: true, messageId: 5 }));
    reassembly.add(iFragment(0, "BE", "second", { messageId: 1 }));
    reassembly.forward(
      {
        type: "forward-tsn",
        isInterleaved: true,
        cumulativeTsn: 9,
        skipped: [
          { streamId: 1, isUnordered: false, messageId: 0 },
          { streamId: 1, isUnordered: true, messageId: 3 },
          { streamId: 1, isUnordered: true, messageId: 4 },
        ],
      },
      0,
    );
    reassembly.add(iFragment(1, "E", "unordered", { isUnordered: true, messageId: 5 }));
    expect(taken(reassembly)).toEqual(["second", "kept unordered"]);
    expect(reassembly.windowBytes).toBe(10_000);
  });

  test.each([
    ["ordered", false],
    ["unordered", true],
  ])("is not kept when some of it comes afterwards, %s", (_how, isUnordered) => {
    const reassembly = interleaved();
    for (let messageId = 0; messageId < 20; messageId += 1) {
      const skipped = [{ streamId: 1, isUnordered, messageId }];
      const cumulativeTsn = messageId + 1;
      reassembly.forward(
        { type: "forward-tsn", isInterleaved: true, cumulativeTsn, skipped },
        messageId,
      );
      const late = iFragment(1, "", "late", { isUnordered, messageId });
      expect(reassembly.add(late)).toBe("taken");
    }
    expect(reassembly.windowBytes).toBe(10_000);
    reassembly.add(iFragment(0, "B", "ne", { isUnordered, messageId: 20 }));
    reassembly.add(iFragment(1, "E", "xt", { isUnordered, messageId: 20 }));
    expect(taken(reassembly)).toEqual(["next"]);
  });

  test("is forgotten when the stream begins anew", () => {
    for (const streams of [[1], []]) {
      const reassembly = interleaved();
      const skipped = [{ streamId: 1, isUnordered: true, messageId: 7 }];
      reassembly.forward(
        { type: "forward-tsn", isInterleaved: true, cumulativeTsn: 1, skipped },
        0,
      );
      reassembly.reset(streams);
      reassembly.add(iFragment(0, "B", "ag", { isUnordered: true }));
      reassembly.add(iFragment(1, "E", "ain", { isUnordered: true }));
      expect(taken(reassembly)).toEqual(["again"]);
    }
  });

  test("in the other kind's words breaks a rule", () => {
    expect(interleaved().forward(forward(1), 0)).toBe("wrong-data-kind");
  });
});

describe("a stream that was reset", () => {
  test.each([
    ["by its number", [1]],
    ["with all others", []],
  ])("counts from 0 again, %s", (_how, streams) => {
    const reassembly = interleaved();
    reassembly.add(iFragment(0, "BE", "first"));
    reassembly.add(iFragment(0, "BE", "waits", { messageId: 2 }));
    reassembly.add(iFragment(3, "", "loose", { messageId: 3, isUnordered: true }));
    reassembly.reset(streams);
    reassembly.add(iFragment(0, "BE", "again"));
    reassembly.add(iFragment(0, "BE", "and again", { messageId: 1 }));
    expect(taken(reassembly)).toEqual(["first", "again", "and again"]);
    expect(reassembly.windowBytes).toBe(10_000);
  });
});
