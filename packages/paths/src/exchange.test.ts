import { BeelineError, PRIORITY, STREAM_CODES, type StreamHeader } from "@beeline/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import type { BlobSource } from "./exchange.ts";
import { collectMessages, openPair, type SessionPair } from "./testing/session-pair.ts";

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const call = (n: number): StreamHeader => ({ kind: "call", id: uuid(n), have: [] });
const input = (n: number, size: number): StreamHeader => ({
  kind: "input",
  id: uuid(n),
  blob: 0,
  size,
});

function pair(): SessionPair {
  const opened = openPair();
  onTestFinished(() => opened.close());
  return opened;
}

/** Byte `at` of every blob here. */
const byteAt = (at: number): number => (at * 31 + (at >> 8)) & 0xff;

/** A blob that was never in memory as a whole, and how far it was read. */
function source(size: number): BlobSource & { readonly read: BlobSource["read"]; taken: number } {
  const blob = {
    size,
    taken: 0,
    read: async (offset: number, length: number) => {
      blob.taken = Math.max(blob.taken, offset + length);
      return Uint8Array.from({ length }, (_, index) => byteAt(offset + index));
    },
  };
  return blob;
}

function wrongBytes(bytes: Uint8Array, offset: number): number {
  return bytes.findIndex((byte, index) => byte !== byteAt(offset + index));
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "fulfilled",
    (error: { code?: unknown }) => error.code,
  );
}

describe("messages", () => {
  test("arrive in order, under their header, and end", async () => {
    const { client, extension } = pair();
    const { stream, all } = collectMessages();
    const headers: StreamHeader[] = [];
    extension.accept = (header) => {
      headers.push(header);
      return stream;
    };
    const messages = [{ a: 1 }, [new Uint8Array([1, 2])], "x".repeat(100_000), null];
    const sending = client.exchange.openMessages(call(1), PRIORITY.control);
    for (const message of messages) sending.send(message);
    sending.end();
    expect(await all).toEqual(messages);
    expect(headers).toEqual([call(1)]);
  });

  test("of a stream that nobody wants are stopped, and the others go on", async () => {
    const { client, extension } = pair();
    const { stream, all } = collectMessages();
    extension.accept = (header) => (header.kind === "call" ? stream : undefined);
    const blob = client.exchange.sendBlob(input(1, 50_000), PRIORITY.bulk, source(50_000));
    expect(await codeOf(blob.delivered)).toBe("CANCELED");
    client.exchange.openMessages(call(2), PRIORITY.control).end();
    expect(await all).toEqual([]);
  });

  test("that were given up reset the stream at the other side", async () => {
    const { client, extension } = pair();
    const { stream, all } = collectMessages();
    extension.accept = () => stream;
    const sending = client.exchange.openMessages(call(1), PRIORITY.control);
    sending.send({ a: 1 });
    await new Promise<void>((resolve) => {
      const onMessage = stream.onMessage;
      stream.onMessage = (message) => {
        onMessage?.(message);
        resolve();
      };
    });
    sending.reset(STREAM_CODES.stale);
    await expect(all).rejects.toThrow(`reset with ${STREAM_CODES.stale}`);
  });

  test("that wait are counted until the other side has taken them", async () => {
    const { client, extension, toExtension } = pair();
    const { stream, all } = collectMessages();
    extension.accept = () => stream;
    toExtension.isBlocked = true;
    const sending = client.exchange.openMessages(call(1), PRIORITY.control);
    sending.send("y".repeat(10_000));
    expect(sending.backlogBytes).toBeGreaterThan(10_000);
    const delivered = new Promise<void>((resolve) => {
      client.onEvent = ({ type }) => type === "delivered" && resolve();
    });
    sending.end();
    toExtension.unblock();
    await all;
    await delivered;
    expect(sending.backlogBytes).toBe(0);
  });
});

describe("a blob", () => {
  const SIZE = 12 * 1024 * 1024;

  test("arrives whole while the sender holds a part of it only", async () => {
    const { client, extension } = pair();
    let received = 0;
    let wrong = -1;
    let mostAhead = 0;
    const blob = source(SIZE);
    extension.accept = () => ({
      onBytes: (bytes) => {
        if (wrong < 0) wrong = wrongBytes(bytes, received);
        received += bytes.byteLength;
        mostAhead = Math.max(mostAhead, blob.taken - received);
      },
    });
    await client.exchange.sendBlob(input(1, SIZE), PRIORITY.bulk, blob).delivered;
    expect({ received, wrong }).toEqual({ received: SIZE, wrong: -1 });
    expect(mostAhead).toBeLessThan(6 * 1024 * 1024);
  });

  test("that its reader does not take is not read on: memory stays bounded at both ends", async () => {
    const { client, extension } = pair();
    const blob = source(SIZE);
    const released: (() => void)[] = [];
    let received = 0;
    let isSlow = true;
    extension.accept = () => ({
      onBytes: (bytes) => {
        received += bytes.byteLength;
        if (!isSlow) return;
        return new Promise<void>((resolve) => released.push(resolve));
      },
    });
    const sending = client.exchange.sendBlob(input(1, SIZE), PRIORITY.bulk, blob);
    // More turns of the event loop than the whole blob has records.
    for (let turn = 0; turn < 2_000; turn += 1) await new Promise(setImmediate);
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(blob.taken).toBeLessThanOrEqual(5 * 1024 * 1024);

    isSlow = false;
    for (const release of released) release();
    await sending.delivered;
    expect(received).toBe(SIZE);
  });

  test("that fits one record with its header is delivered only when its reader took it", async () => {
    const { client, extension } = pair();
    let take: () => void = () => {};
    const taken = new Promise<void>((resolve) => {
      take = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      extension.accept = () => ({
        onBytes: () => {
          resolve();
          return taken;
        },
      });
    });
    let isDelivered = false;
    const { delivered } = client.exchange.sendBlob(input(1, 10), PRIORITY.bulk, source(10));
    void delivered.then(() => {
      isDelivered = true;
    });
    await arrived;
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(isDelivered).toBe(false);
    take();
    await delivered;
  });

  test("goes on from where an earlier one broke off", async () => {
    const { client, extension } = pair();
    const parts: Uint8Array[] = [];
    extension.accept = () => ({ onBytes: (bytes) => void parts.push(bytes.slice()) });
    const offset = 70_001;
    await client.exchange.sendBlob(input(1, 100_000), PRIORITY.bulk, source(100_000), offset)
      .delivered;
    const bytes = Buffer.concat(parts);
    expect([bytes.byteLength, wrongBytes(bytes, offset)]).toEqual([100_000 - offset, -1]);
  });

  test("waits for its turn, and many arrive", async () => {
    const { client, extension } = pair();
    let open = 0;
    let mostOpen = 0;
    extension.accept = () => {
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      return {
        onBytes: () => {},
        onEnd: () => {
          open -= 1;
        },
      };
    };
    const all = Array.from({ length: 7 }, (_, n) =>
      client.exchange.sendBlob(input(n, 300_000), PRIORITY.bulk, source(300_000)),
    );
    await Promise.all(all.map(({ delivered }) => delivered));
    expect(mostOpen).toBeLessThanOrEqual(2);
  });

  test("that cannot be read is given up, and says why", async () => {
    const { client, extension } = pair();
    const { stream, all } = collectMessages();
    extension.accept = () => ({ ...stream, onBytes: () => {} });
    const sending = client.exchange.sendBlob(input(1, 10), PRIORITY.bulk, {
      size: 10,
      read: async (offset) => {
        if (offset > 0) throw new BeelineError("DISK_FULL", "no more to read");
        return new Uint8Array(1);
      },
    });
    expect(await codeOf(sending.delivered)).toBe("DISK_FULL");
    await expect(all).rejects.toThrow("reset");
  });

  test("that its sender resets is over, at once when it still waited", async () => {
    const { client, toExtension } = pair();
    toExtension.isBlocked = true;
    const all = [1, 2, 3].map((n) =>
      client.exchange.sendBlob(input(n, 100), PRIORITY.bulk, source(100)),
    );
    for (const { reset } of all) reset(STREAM_CODES.canceled);
    const codes = await Promise.all(all.map(({ delivered }) => codeOf(delivered)));
    expect(codes).toEqual(["CANCELED", "CANCELED", "CANCELED"]);
  });

  test("whose reader fails is stopped, and is in nobody's way", async () => {
    const { client, extension } = pair();
    extension.accept = () => ({ onBytes: () => Promise.reject(new Error("disk")) });
    const large = client.exchange.sendBlob(input(1, SIZE), PRIORITY.bulk, source(SIZE));
    expect(await codeOf(large.delivered)).toBe("CANCELED");
    const small = [2, 3, 4, 5].map((n) =>
      client.exchange.sendBlob(input(n, 100), PRIORITY.bulk, source(100)),
    );
    await Promise.allSettled(small.map(({ delivered }) => delivered));
  });
});

describe("a stream that is not what it should be", () => {
  const bad: [string, Uint8Array][] = [
    ["a header that is no header", Buffer.from([0, 0, 0, 1, 0x2a])],
    ["bytes that are no msgpack", Buffer.from([0, 0, 0, 2, 0xc1, 0xc1])],
    ["a message that is too long", Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ];

  test.each(bad)("%s is given up alone; the session goes on", async (_name, bytes) => {
    const { client, extension } = pair();
    const { session } = client.driver;
    const id = session.openStream(PRIORITY.control);
    session.write(id, bytes);
    const stopped = new Promise<void>((resolve) => {
      client.onEvent = (event) => event.type === "stopped" && event.id === id && resolve();
    });
    client.driver.touch();
    await stopped;

    const { stream, all } = collectMessages();
    extension.accept = () => stream;
    const sending = client.exchange.openMessages(call(1), PRIORITY.control);
    sending.send("still here");
    sending.end();
    expect(await all).toEqual(["still here"]);
    expect(extension.events.some(({ type }) => type === "closed")).toBe(false);
  });
});

describe("the end of a session", () => {
  test("settles every blob and tells every stream", async () => {
    const { client, extension, toExtension } = pair();
    const { stream, all } = collectMessages();
    client.accept = () => stream;
    const opened = new Promise<void>((resolve) => {
      client.onEvent = ({ type }) => type === "opened" && resolve();
    });
    extension.exchange.openMessages({ kind: "reply", id: uuid(1) }, PRIORITY.control).send("one");
    await opened;
    toExtension.isBlocked = true;
    const blobs = [1, 2, 3, 4].map((n) =>
      client.exchange.sendBlob(input(n, 100), PRIORITY.bulk, source(100)),
    );
    client.end(new BeelineError("SESSION_LOST", "gone"));
    const codes = await Promise.all(blobs.map(({ delivered }) => codeOf(delivered)));
    expect(codes).toEqual(Array.from({ length: 4 }, () => "SESSION_LOST"));
    await expect(all).rejects.toThrow(`reset with ${STREAM_CODES.closing}`);
  });

  test("refuses new streams", () => {
    const { client } = pair();
    client.end(new BeelineError("SESSION_LOST", "gone"));
    expect(() => client.exchange.openMessages(call(1), PRIORITY.control)).toThrow(BeelineError);
  });
});
