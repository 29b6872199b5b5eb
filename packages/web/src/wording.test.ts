import { describe, expect, test } from "vitest";
import { formatAgo, formatBytes, formatDuration, formatRate, formatRemaining } from "./wording.ts";

describe("sizes", () => {
  test.each([
    [0, "0 B"],
    [-5, "0 B"],
    [999, "999 B"],
    [999.6, "1 kB"],
    [1_000, "1 kB"],
    [1_449_000, "1.4 MB"],
    [99_600_000, "100 MB"],
    [6_938_000_000, "6.9 GB"],
    [5e18, "5000000 TB"],
  ])("%d bytes are written %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test("a rate is a size per second", () => {
    expect(formatRate(2_400_000)).toBe("2.4 MB/s");
  });
});

describe("times", () => {
  test.each([
    [420, "0.42 s"],
    [9_994, "9.99 s"],
    [9_996, "10.0 s"],
    [59_949, "59.9 s"],
    [59_960, "1 min 0 s"],
    [185_000, "3 min 5 s"],
    [7_440_000, "2 h 4 min"],
  ])("%d ms are written %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    [0, "1 s left"],
    [89_000, "89 s left"],
    [90_000, "2 min left"],
    [5_400_000, "2 h left"],
  ])("a guess of %d ms is written %s", (ms, text) => {
    expect(formatRemaining(ms)).toBe(text);
  });

  test("an instant is told from now, and by its date once it is a day old", () => {
    const now = Date.parse("2030-05-05T12:00:00Z");
    expect(formatAgo("2030-05-05T11:59:30Z", now)).toBe("just now");
    expect(formatAgo("2030-05-05T11:55:00Z", now)).toBe("5 min ago");
    expect(formatAgo("2030-05-05T02:00:00Z", now)).toBe("10 h ago");
    expect(formatAgo("2030-05-01T12:00:00Z", now)).toBe("2030-05-01");
    expect(formatAgo("yesterday", now)).toBe("");
  });
});
