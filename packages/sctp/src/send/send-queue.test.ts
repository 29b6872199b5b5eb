/** Fragments are cut in turn, numbered when they leave, and counted to the byte. */
import { describe, expect, test } from "vitest";
import { OutgoingMessage } from "./outgoing-message.ts";
import { SendQueue } from "./send-queue.ts";

function setUp(isInterleaved: boolean) {
  const low: number[] = [];
  const expired: OutgoingMessage[] = [];
  const queue = new SendQueue({
    onBufferedLow: (streamId) => low.push(streamId),
    onExpired: (message) => expired.push(message),
  });
  queue.isInterleaved = isInterleaved;
  const push = (streamId: number, bytes: number, rest: Partial<OutgoingMessage> = {}) => {
    const message = new OutgoingMessage({
      payload: new Uint8Array(bytes),
      streamId,
      protocolId: 53,
      isUnordered: rest.isUnordered ?? false,
      expiresAtMs: rest.expiresAtMs ?? Number.POSITIVE_INFINITY,
      maxRetransmissions: Number.POSITIVE_INFINITY,
    });
    queue.push(message);
    return message;
  };
  const take = (space: number, nowMs = 0) => {
    const fragment = queue.take(space, nowMs);
    if (fragment === undefined) return undefined;
    const { message, offset, length, index } = fragment;
    return `${message.streamId}#${message.messageId}.${index} ${offset}+${length}`;
  };
  return { queue, low, expired, push, take };
}

describe("a queue", () => {
  test("finishes a message before another one, unless fragments may be mixed", () => {
    const whole = setUp(false);
    const mixed = setUp(true);
    for (const { push } of [whole, mixed]) {
      push(1, 2500);
      push(2, 2500);
    }
    const takeAll = ({ take }: ReturnType<typeof setUp>) =>
      Array.from({ length: 6 }, () => take(1000)?.[0]).join("");
    expect(takeAll(whole)).toBe("111222");
    expect(takeAll(mixed)).toBe("121212");
  });

  test("mixes no more than the other side can hold", () => {
    const { queue, push, take } = setUp(true);
    queue.mostBegunBytes = 3000;
    for (const streamId of [1, 2, 3]) push(streamId, 2500);
    expect(Array.from({ length: 9 }, () => take(1000)?.[0]).join("")).toBe("111222333");
  });

  test("lets a small message through all the same", () => {
    const { queue, push, take } = setUp(true);
    queue.mostBegunBytes = 3000;
    push(1, 50_000);
    take(1000);
    push(2, 10);
    expect(take(1000)).toBe("2#0.0 0+10");
  });

  test("does not cut off crumbs", () => {
    const { push, take } = setUp(false);
    push(1, 1000);
    expect(take(100)).toBeUndefined();
    push(2, 50);
    expect(take(1000)).toBe("1#0.0 0+1000");
    expect(take(100)).toBe("2#0.0 0+50");
  });

  test("counts ordered messages per stream, in 16 bits without interleaving", () => {
    const { queue, push, take } = setUp(false);
    queue.stream(1).nextOrderedId = 0xffff;
    push(1, 10);
    push(1, 10);
    push(1, 10, { isUnordered: true });
    push(1, 10);
    const taken = Array.from({ length: 4 }, () => take(1000));
    expect(taken).toEqual(["1#65535.0 0+10", "1#0.0 0+10", "1#0.0 0+10", "1#1.0 0+10"]);
  });

  test("says when little is left, once each time", () => {
    const { queue, low, push, take } = setUp(false);
    queue.stream(1).lowThreshold = 1000;
    push(1, 2500);
    take(1000);
    expect(low).toEqual([]);
    take(1000);
    take(1000);
    expect(low).toEqual([1]);
    expect(queue.bufferedBytes).toBe(0);
  });

  test("drops what is too old: silently when nothing of it left", () => {
    const { queue, expired, push, take } = setUp(false);
    push(1, 10, { expiresAtMs: 5 });
    const begun = push(2, 2000, { expiresAtMs: 5 });
    push(3, 10);
    queue.setWeight(2, 512);
    expect(take(1000, 6)).toBe("3#0.0 0+10");
    expect(expired).toEqual([]);
    expect(queue.bufferedBytes).toBe(0);
    expect(begun.sentBytes).toBe(0);
  });

  test("tells of what is too old when a part of it left", () => {
    const { expired, push, take } = setUp(false);
    const message = push(1, 2000, { expiresAtMs: 5 });
    push(1, 10);
    take(1000, 0);
    expect(take(1000, 6)).toBe("1#1.0 0+10");
    expect(expired).toEqual([message]);
  });
});
