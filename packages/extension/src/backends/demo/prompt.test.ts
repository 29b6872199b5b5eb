/** What the renderer understands of a prompt. */

import { describe, expect, test } from "vitest";
import { readPrompt } from "./prompt.ts";

describe("readPrompt", () => {
  test.each([
    ["a portrait of a woman", "portrait"],
    ["cyberpunk city street", "city"],
    ["a ringed planet in deep space", "space"],
    ["abstract marble swirl", "fluid"],
    ["a mountain lake", "landscape"],
  ])("takes %o for a %s", (prompt, scene) => {
    expect(readPrompt(prompt, "").scene).toBe(scene);
  });

  test("lets words of the negative prompt take features away", () => {
    expect(readPrompt("forest at sunset", "").features.has("trees")).toBe(true);
    expect(readPrompt("forest at sunset", "trees").features.has("trees")).toBe(false);
    expect(readPrompt("forest at sunset", "sunset").palette).toBe("forest");
  });

  test("chooses something for any text at all", () => {
    for (const prompt of [
      "",
      "constructor __proto__ toString",
      "\u0000\ud800",
      "x".repeat(10_000),
    ]) {
      const wish = readPrompt(prompt, prompt);
      expect(["landscape", "fluid", "space"]).toContain(wish.scene);
      expect(wish.palette).toBeUndefined();
    }
  });
});
