import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import { type ChannelTerms, decodeDcep, encodeAck, encodeOpen } from "./dcep.ts";
import { encodeUtf8 } from "./utf8.ts";

const RELIABLE: ChannelTerms = {
  isOrdered: true,
  maxRetransmissions: undefined,
  lifetimeMs: undefined,
};

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

describe("an announcement", () => {
  test.each<[string, ChannelTerms]>([
    ["00 0100 00000000", RELIABLE],
    ["80 0100 00000000", { ...RELIABLE, isOrdered: false }],
    ["01 0100 00000000", { ...RELIABLE, maxRetransmissions: 0 }],
    ["81 0100 00000005", { ...RELIABLE, isOrdered: false, maxRetransmissions: 5 }],
    ["02 0100 000005dc", { ...RELIABLE, lifetimeMs: 1_500 }],
    ["82 0100 ffffffff", { ...RELIABLE, isOrdered: false, lifetimeMs: 0xffff_ffff }],
  ])("of type %s is written and read", (start, terms) => {
    const bytes = hex(`03 ${start} 0005 0001 c3a92d6162 70`);
    expect(encodeOpen({ ...terms, priority: 256 }, encodeUtf8("é-ab"), encodeUtf8("p"))).toEqual(
      bytes,
    );
    expect(decodeDcep(bytes)).toEqual({
      kind: "open",
      ...terms,
      priority: 256,
      label: "é-ab",
      protocol: "p",
      nameBytes: 6,
    });
  });

  test("may have no names, and bytes behind them", () => {
    expect(decodeDcep(hex("03 00 0000 00000000 0000 0000 ffff"))).toMatchObject({
      priority: 0,
      label: "",
      protocol: "",
    });
  });

  test("is answered by one byte", () => {
    expect(encodeAck()).toEqual(hex("02"));
    expect(decodeDcep(hex("02"))).toEqual({ kind: "ack" });
  });

  test.each([
    ["empty", ""],
    ["of an unknown type", "04"],
    ["too short", "03 00 0000 00000000 0000 00"],
    ["of an unknown reliability", "03 03 0000 00000000 0000 0000"],
    ["shorter than its label", "03 00 0000 00000000 0002 0000 61"],
    ["shorter than its protocol", "03 00 0000 00000000 0001 ffff 6161"],
  ])("that is %s says nothing", (_what, text) => {
    expect(decodeDcep(hex(text))).toBe(undefined);
  });
});

test("whatever is read as an announcement can be written again", () => {
  let opens = 0;
  for (let seed = 0; seed < 5_000; seed += 1) {
    const random = new Random(seed);
    const bytes = random.bytes(random.whole(0, 60));
    if (random.chance(0.9) && bytes.length > 12) {
      bytes.set([3, random.pick([0, 1, 2, 0x80, 0x81, 0x82, random.whole(0, 255)])]);
      bytes.set([0, random.whole(0, 40), 0, random.whole(0, 40)], 8);
    }
    const read = decodeDcep(bytes);
    if (read?.kind !== "open") continue;
    opens += 1;
    const { nameBytes, ...announcement } = read;
    expect(nameBytes, `seed ${seed}`).toBeLessThanOrEqual(bytes.length - 12);
    const again = encodeOpen(read, encodeUtf8(read.label), encodeUtf8(read.protocol));
    expect(decodeDcep(again), `seed ${seed}`).toMatchObject(announcement);
  }
  expect(opens).toBeGreaterThan(500);
});
