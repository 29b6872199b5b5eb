import { describe, expect, test } from "vitest";
import { ACK_DELAY_MS, AckPolicy } from "./ack-policy.ts";

const PLAIN = { isImmediate: false, isOdd: false, hasGap: false };

/** One that has had its first packet, which is answered at once, at 0. */
function running(): AckPolicy {
  const policy = new AckPolicy();
  policy.onPacket(PLAIN, 0);
  policy.onSent();
  return policy;
}

describe("a SACK", () => {
  test("is not due before anything came", () => {
    const policy = new AckPolicy();
    expect(policy.isDue(1e9)).toBe(false);
    expect(policy.isWanted).toBe(false);
    expect(policy.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("answers the first packet at once, and the first after a silence", () => {
    const policy = new AckPolicy();
    policy.onPacket(PLAIN, 0);
    expect(policy.isDue(0)).toBe(true);
    policy.onSent();
    policy.onPacket(PLAIN, 99);
    expect(policy.isDue(99)).toBe(false);
    policy.onSent();
    policy.onPacket(PLAIN, 199);
    expect(policy.isDue(199)).toBe(true);
  });

  test("answers every second packet", () => {
    const policy = running();
    policy.onPacket(PLAIN, 1);
    expect(policy.isDue(1)).toBe(false);
    expect(policy.isWanted).toBe(true);
    policy.onPacket(PLAIN, 2);
    expect(policy.isDue(2)).toBe(true);
    expect(policy.wakeAtMs).toBe(Number.NEGATIVE_INFINITY);
    policy.onSent();
    expect(policy.isDue(2)).toBe(false);
    expect(policy.isWanted).toBe(false);
  });

  test("answers a single packet after the delay", () => {
    const policy = running();
    policy.onPacket(PLAIN, 10);
    expect(policy.wakeAtMs).toBe(10 + ACK_DELAY_MS);
    expect(policy.isDue(10 + ACK_DELAY_MS - 0.1)).toBe(false);
    expect(policy.isDue(10 + ACK_DELAY_MS)).toBe(true);
  });

  test.each(["isImmediate", "isOdd", "hasGap"])("is due at once when the packet %s", (news) => {
    const policy = running();
    policy.onPacket({ ...PLAIN, [news]: true }, 10);
    expect(policy.isDue(10)).toBe(true);
  });

  test("is due when it is demanded", () => {
    const policy = running();
    policy.demand();
    expect(policy.isDue(1)).toBe(true);
    policy.onSent();
    expect(policy.isDue(1)).toBe(false);
  });
});
