import { MAX_INPUT_IMAGE_BYTES } from "@beeline/protocol";
import { expect, test } from "vitest";
import { takeInputs } from "./input-images.ts";

const bytes = new Uint8Array([1, 2, 3]);
const params = { prompt: "a bee", denoiseStrength: 0.5 };

test("bytes and base64 travel beside the command, each by its number", () => {
  const initImage = Buffer.from(bytes).toString("base64");
  const { command, inputs } = takeInputs({
    quantity: 2,
    params: { ...params, initImage, maskImage: bytes },
  });
  expect(command).toEqual({
    quantity: 2,
    params: { ...params, initImage: { blob: 0 }, maskImage: { blob: 1 } },
  });
  expect(inputs).toEqual([{ bytes }, { bytes }]);
});

test("a data URL is its bytes, a web address stays one", () => {
  const initImage = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
  expect(takeInputs({ params: { ...params, initImage } }).inputs).toEqual([{ bytes }]);
  const address = "https://example.org/bee.png";
  const { command, inputs } = takeInputs({ params: { ...params, initImage: address } });
  expect([command.params.initImage, inputs]).toEqual([address, []]);
});

test.each([
  ["text that is no base64", "no base64 !", "IMAGE_UNREADABLE"],
  ["an empty picture", new Uint8Array(0), "LIMIT_EXCEEDED"],
  ["a picture above the limit", new Uint8Array(MAX_INPUT_IMAGE_BYTES + 1), "LIMIT_EXCEEDED"],
])("%s is refused", (_name, initImage, code) => {
  expect(() => takeInputs({ params: { ...params, initImage } })).toThrow(code);
});
