import { describe, expect, test } from "vitest";
import { COMMANDS, parseCommand } from "./commands.ts";
import { BeelineError } from "./errors.ts";
import { encodeMessage, MessageReader, parseHeader } from "./messages.ts";
import { parseHello, refuseBody, welcomeBody } from "./session/handshake.ts";

const ID = "5b5a3bbf-bd1b-4a3b-8f7c-111111111111";
const HASH = "ab".repeat(32);
const NOW = "2026-01-01T00:00:00.000Z";

/** Bytes by hand, independent of any library: hex as it is, text behind "'" as str 8. */
function bytesOf(...parts: string[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (!part.startsWith("'")) return Buffer.from(part.replaceAll(" ", ""), "hex");
      const text = Buffer.from(part.slice(1));
      return Buffer.concat([Buffer.from([0xd9, text.length]), text]);
    }),
  );
}

/** What the other side's application is given of a message. */
function readMessage(body: Uint8Array): unknown {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.byteLength);
  const reader = new MessageReader();
  reader.push(Buffer.concat([head, body]));
  return reader.next()?.message;
}

/** There and back, as one of our peers writes and another reads. */
function sent(message: unknown): unknown {
  return readMessage(encodeMessage(message).subarray(4));
}

const hello = (version: string) =>
  bytesOf(
    "85",
    ...["'version", version],
    ...["'sessionId", `'${"0".repeat(32)}`],
    ...["'clientId", `'${"1".repeat(32)}`],
    ...["'name", "'a page"],
    ...["'isKnown", "c2"],
  );

/** The answer to resources:list with one file, whose size has the given bytes. */
const list = (size: string) =>
  bytesOf(
    ...["84", "'id", `'${ID}`, "'type", "'resources:list", "'status", "'success"],
    ...["'resources", "91", "84", "'type", "'checkpoint", "'hash", `'${HASH}`],
    ...["'name", "'large.safetensors", "'size", size],
  );

describe("whole numbers", () => {
  test.each([
    ["uint 64", "cf 0000000000000001"],
    ["int 64", "d3 0000000000000001"],
    ["uint 32", "ce 00000001"],
    ["float 64", "cb 3ff0000000000000"],
  ])("a hello with its version as %s is understood", (_width, version) => {
    expect(parseHello(hello(version)).version).toBe(1);
  });

  test.each([
    ["uint 64", "cf 00000001a4000000", 0x1_a400_0000],
    ["int 64", "d3 00000001a4000000", 0x1_a400_0000],
    ["the largest that is exact", "cf 001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ])("a list with a file above 4 GiB as %s is understood", (_width, size, expected) => {
    const answer = COMMANDS["resources:list"].response.parse(readMessage(list(size)));
    expect(answer.resources?.[0]?.size).toBe(expected);
  });

  test.each(["cf 0020000000000000", "cf 0020000000000001", "cf ffffffffffffffff"])(
    "one past 2^53 (%s) is refused where it must be exact, not rounded",
    (size) => {
      const answer = COMMANDS["resources:list"].response.safeParse(readMessage(list(size)));
      expect(answer.error?.issues[0]?.path).toEqual(["resources", 0, "size"]);
    },
  );

  test("a negative one of 64 bits keeps its sign", () => {
    expect(readMessage(bytesOf("81", "'seed", "d3 ffffffffffffffff"))).toEqual({ seed: -1 });
  });

  test("one beyond 32 bits leaves as float 64, which every library reads", () => {
    const hex = Buffer.from(encodeMessage({ size: 0x1_a400_0000 })).toString("hex");
    expect(hex).toBe(`0000000f${"81a473697a65"}cb41fa400000000000`);
  });
});

describe("a field that is missing", () => {
  const command = (params: Record<string, unknown>) => ({
    id: ID,
    type: "image:txt2img",
    version: "1.0.0",
    model: undefined,
    params: { prompt: "a cat", ...params },
  });

  test("is left out when a site says undefined, so that the command is accepted", () => {
    const message = command({ seed: undefined });
    expect(Buffer.from(encodeMessage(message)).includes("seed")).toBe(false);
    const checked = parseCommand(sent(message), NOW);
    expect(checked.fields).toMatchObject({ params: { prompt: "a cat", steps: 20 } });
  });

  test("may be nil, as languages without undefined write it", () => {
    const message = command({ seed: null, sampler: null, steps: null });
    expect(parseCommand(sent(message), NOW)).toEqual(parseCommand(sent(command({})), NOW));
    expect(parseHeader(sent({ kind: "call", id: ID, have: null }))).toEqual({
      kind: "call",
      id: ID,
      have: [],
    });
  });

  test("is refused by its name where it is needed, left out or nil", () => {
    for (const prompt of [undefined, null]) {
      expect(() => parseCommand(sent(command({ prompt })), NOW)).toThrow(/params\.prompt/);
    }
  });

  test("cannot be left out of an array: nil there is refused", () => {
    expect(sent([1, undefined, null])).toEqual([1, null, null]);
    const message = { id: ID, type: "resources:remove", resources: [null] };
    expect(() => parseCommand(sent(message), NOW)).toThrow(/resources\.0/);
  });
});

test("handshakes and messages have no extensions and no nil of ours", () => {
  const refused = new BeelineError("LIMIT_EXCEEDED", "");
  expect(Buffer.from(welcomeBody(true)).toString("hex")).toBe("81a96973526573756d6564c3");
  expect(Buffer.from(refuseBody(refused)).toString("hex")).toBe(
    "82a4636f6465ae4c494d49545f4558434545444544a76d657373616765a0",
  );
});

test("bytes and times arrive as they are", () => {
  expect(sent({ at: new Date(NOW), bytes: new Uint8Array([1, 2]) })).toEqual({
    at: new Date(NOW),
    bytes: Buffer.from([1, 2]),
  });
});
