import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { BeelineError } from "../errors.ts";
import { Handshake, parseHello, refuseBody, SESSION_VERSION } from "./handshake.ts";

const packr = new Packr({ useRecords: false });
const OPTIONS = {
  role: "client",
  sessionId: "0".repeat(32),
  clientId: "1".repeat(32),
  name: "a page",
} as const;

function helloAt(handshake: Handshake, nowMs: number) {
  const record = handshake.nextRecord(nowMs);
  return record === undefined ? undefined : parseHello(record.body);
}

function answer(isResumed: boolean): Uint8Array {
  const extension = new Handshake({ role: "extension", sessionId: OPTIONS.sessionId });
  extension.welcome(isResumed);
  const record = extension.nextRecord(0);
  if (record === undefined) throw new Error("no welcome");
  return record.body;
}

test("a hello is repeated, at a calming pace, until it is answered", () => {
  const client = new Handshake(OPTIONS);
  expect(helloAt(client, 0)).toBeUndefined();
  client.onRelayOpen(100);
  expect(helloAt(client, 100)).toEqual({
    version: SESSION_VERSION,
    sessionId: OPTIONS.sessionId,
    clientId: OPTIONS.clientId,
    name: OPTIONS.name,
    isKnown: false,
  });
  const repeats: number[] = [];
  for (let nowMs = 100; nowMs < 40_000; nowMs += 100) {
    if (helloAt(client, nowMs) !== undefined) repeats.push(nowMs - 100);
  }
  expect(repeats).toEqual([1_000, 3_000, 7_000, 15_000, 23_000, 31_000, 39_000]);
  expect(client.onRecord("welcome", answer(false))).toEqual({ type: "welcomed", isResumed: false });
  expect(client.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
});

test("a client that was welcomed says so in its next hello", () => {
  const client = new Handshake(OPTIONS);
  client.onRelayOpen(0);
  client.nextRecord(0);
  client.onRecord("welcome", answer(false));
  client.onRelayOpen(10);
  expect(helloAt(client, 10)?.isKnown).toBe(true);
});

test("an answer nobody waits for is ignored", () => {
  const client = new Handshake(OPTIONS);
  expect(client.onRecord("welcome", answer(true))).toBeUndefined();
  client.onRelayOpen(0);
  client.onRelayClosed();
  expect(client.onRecord("welcome", answer(true))).toBeUndefined();
});

test("a refusal carries its code and ends the asking", () => {
  const client = new Handshake(OPTIONS);
  client.onRelayOpen(0);
  const body = refuseBody(new BeelineError("LIMIT_EXCEEDED", "too many clients"));
  expect(client.onRecord("refuse", body)).toMatchObject({
    type: "refused",
    error: { code: "LIMIT_EXCEEDED", detail: "too many clients" },
  });
  expect(client.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  ["not msgpack", new Uint8Array([0xc1]), "RECORD_MALFORMED"],
  ["nothing", new Uint8Array(), "RECORD_MALFORMED"],
  ["another version, whatever its fields", packr.pack({ version: 2 }), "VERSION_UNSUPPORTED"],
  ["a short session id", packr.pack({ version: 1, sessionId: "00" }), "RECORD_MALFORMED"],
])("a hello that is %s is refused with a code", (_what, body, code) => {
  expect(() => parseHello(body)).toThrow(expect.objectContaining({ code }));
});
