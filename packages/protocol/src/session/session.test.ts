import { expect, test } from "vitest";
import { decodeFrames } from "../frames.ts";
import { decodeRecord, type PathId } from "../record.ts";
import { Session } from "./session.ts";

const SESSION_ID = "00112233445566778899aabbccddeeff";
const RELAY = { kind: "relay", generation: 1 } as const;
const DIRECT = { kind: "direct", generation: 1 } as const;

function extension(): Session {
  return new Session({ role: "extension", sessionId: SESSION_ID });
}

function client(): Session {
  return new Session({ role: "client", sessionId: SESSION_ID, clientId: SESSION_ID });
}

/** Everything `from` has to say on a path now; given to `to`, if any. */
function drain(from: Session, path: PathId, nowMs: number, to?: Session): string[] {
  const types: string[] = [];
  for (let bytes = from.nextRecord(path, nowMs); bytes; bytes = from.nextRecord(path, nowMs)) {
    const record = decodeRecord(bytes);
    types.push(
      ...(record.type === "frames" ? decodeFrames(record.body) : [record]).map((f) => f.type),
    );
    to?.receive(bytes, nowMs);
  }
  return types;
}

test("a suspicion that is over before it could be told is not told", () => {
  const [a, b] = [extension(), client()];
  for (const path of [RELAY, DIRECT]) for (const end of [a, b]) end.openPath(path, 0);
  for (const path of [RELAY, DIRECT]) {
    drain(a, path, 0, b);
    drain(b, path, 0, a);
    drain(a, path, 0, b);
  }
  a.write(a.openStream(0), new Uint8Array([1]));
  a.tick(10);
  drain(a, DIRECT, 10);
  a.tick(2_000);
  expect(a.paths().find(({ id }) => id.kind === "direct")?.state).toBe("suspect");
  // The relay could not send meanwhile; then direct answers.
  drain(a, DIRECT, 2_000, b);
  drain(b, DIRECT, 2_000, a);
  expect(a.paths().find(({ id }) => id.kind === "direct")?.state).toBe("open");
  expect([...drain(a, RELAY, 2_000), ...drain(a, DIRECT, 2_000)]).not.toContain("suspect");
});

test("a machine that was called too late takes its own stall for nobody's darkness", () => {
  const session = extension();
  session.openPath(DIRECT, 0);
  session.write(session.openStream(0), new Uint8Array([1]));
  drain(session, DIRECT, 0);
  session.wakeAtMs(0);
  const stateAt = (nowMs: number) => {
    session.tick(nowMs);
    drain(session, DIRECT, nowMs);
    return session.paths()[0]?.state;
  };
  expect(stateAt(5_000)).toBe("open");
  // Called in time from now on, and still nothing is heard: that is darkness.
  let nowMs = 5_000;
  while (nowMs < 7_000 && session.paths()[0]?.state === "open") {
    nowMs = session.wakeAtMs(nowMs);
    stateAt(nowMs);
  }
  expect(session.paths()[0]?.state).toBe("suspect");
});

test("what is due but cannot be sent is no reason to wake", () => {
  const session = extension();
  session.openPath(RELAY, 0);
  session.write(session.openStream(2), new Uint8Array(100));
  // Nobody asks for records: the path is blocked.
  session.tick(20_000);
  expect(session.wakeAtMs(20_000)).toBe(Number.POSITIVE_INFINITY);
});

test("records of another session and of paths that are not open are ignored", () => {
  const session = client();
  const other = new Session({ role: "extension", sessionId: "ff".repeat(16) });
  const same = extension();
  for (const end of [session, other]) end.openPath(RELAY, 0);
  same.openPath({ ...RELAY, generation: 2 }, 0);
  session.takeEvents();
  for (const [end, generation] of [
    [other, 1],
    [same, 2],
  ] as const) {
    end.write(end.openStream(0), new Uint8Array([1]));
    drain(end, { ...RELAY, generation }, 0, session);
  }
  expect(session.takeEvents()).toEqual([]);
});

test("a duplicate record is acknowledged again, and nothing else", () => {
  const [a, b] = [extension(), client()];
  for (const end of [a, b]) end.openPath(DIRECT, 0);
  a.write(a.openStream(0), new Uint8Array([1]));
  const bytes = a.nextRecord(DIRECT, 0) as Uint8Array;
  b.receive(bytes, 1);
  drain(b, DIRECT, 1);
  b.takeEvents();
  b.receive(bytes, 2);
  expect(b.takeEvents()).toEqual([]);
  expect(drain(b, DIRECT, 2)).toEqual(["ack"]);
});
