/** The search for the largest packet, step by step; with a path under it in test/sim. */
import { describe, expect, test } from "vitest";
import { PathMtu } from "./path-mtu.ts";

const OPTIONS = { basePacketBytes: 1172, maxPacketBytes: 1400 };
const TIMEOUT_MS = 200;

/** A path that takes packets up to a size. Each probe is sent when it is due, and answered after 50 ms. */
class Path {
  readonly mtu = new PathMtu(OPTIONS);
  nowMs = 0;
  takesBytes: number;
  readonly probes: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(takesBytes: number) {
    this.takesBytes = takesBytes;
    this.mtu.start(0);
  }

  run(untilMs: number): void {
    while (this.mtu.wakeAtMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.mtu.wakeAtMs);
      const bytes = this.mtu.due(this.nowMs, TIMEOUT_MS);
      if (bytes === undefined) continue;
      this.probes.push({ atMs: this.nowMs, bytes });
      if (bytes > this.takesBytes) continue;
      this.nowMs += 50;
      this.mtu.onProbeAnswered(bytes, this.nowMs);
    }
    this.nowMs = untilMs;
  }
}

describe("packets", () => {
  test("are as large as possible after one probe where the path takes them", () => {
    const path = new Path(1500);
    path.run(1000);
    expect(path.mtu.packetBytes).toBe(1400);
    expect(path.probes).toEqual([{ atMs: 0, bytes: 1400 }]);
    expect(path.mtu.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("are searched by halves where it does not, and tried again after ten minutes", () => {
    const path = new Path(1300);
    path.run(60_000);
    expect(path.mtu.packetBytes).toBeLessThanOrEqual(1300);
    expect(path.mtu.packetBytes).toBeGreaterThan(1280);
    expect(path.probes.slice(0, 3).map(({ bytes }) => bytes)).toEqual([1400, 1400, 1400]);
    const tried = path.probes.length;
    path.run(550_000);
    expect(path.probes).toHaveLength(tried);
    path.takesBytes = 1500;
    path.run(660_000);
    expect(path.mtu.packetBytes).toBe(1400);
  });

  test("are the smallest in a black hole", () => {
    const path = new Path(1500);
    path.run(1000);
    expect(path.mtu.onBlackHole()).toBe(true);
    expect(path.mtu.onBlackHole()).toBe(false);
    expect(path.mtu.packetBytes).toBe(1172);
    // Silence is not probed: nothing would be learnt of sizes.
    path.run(9000);
    expect(path.probes).toHaveLength(1);
  });

  test.each([1400, 1300])("of %i bytes are tried first when the path answers again", (takes) => {
    const path = new Path(takes);
    path.run(60_000);
    const before = path.mtu.packetBytes;
    const tried = path.probes.length;
    path.mtu.onBlackHole();
    path.mtu.onPathAnswers(62_000);
    path.run(62_100);
    expect(path.probes[tried]).toEqual({ atMs: 62_000, bytes: before });
    expect(path.mtu.packetBytes).toBe(before);
  });

  test("that no longer pass are tried three times, then smaller ones", () => {
    const path = new Path(1500);
    path.run(60_000);
    path.takesBytes = 1300;
    path.mtu.onBlackHole();
    path.mtu.onPathAnswers(62_000);
    path.run(80_000);
    expect(path.probes.slice(1, 4).map(({ bytes }) => bytes)).toEqual([1400, 1400, 1400]);
    expect(path.mtu.packetBytes).toBeLessThanOrEqual(1300);
    expect(path.mtu.packetBytes).toBeGreaterThan(1280);
  });
});
