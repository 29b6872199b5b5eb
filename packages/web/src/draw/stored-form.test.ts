import { expect, test } from "vitest";
import { changeForm, FIRST_FORM, PROTOCOL_LIMITS } from "./draw-form.ts";
import { readForm } from "./stored-form.ts";

test("a form that was stored comes back, without what needs a picture or a file", () => {
  const form = changeForm(
    FIRST_FORM,
    { prompt: "a fox", seed: 9, width: 768, sampler: "Euler" },
    PROTOCOL_LIMITS,
  );
  expect(readForm(JSON.stringify({ ...form, mode: "img2img" }))).toEqual(form);
});

test.each([null, "", "{", "[]", "null", '"text"', '{"prompt":5,"width":"512","seed":null}'])(
  "%j is as good as nothing stored",
  (json) => {
    expect(readForm(json)).toEqual(FIRST_FORM);
  },
);

test("numbers out of bounds are brought back within", () => {
  expect(readForm('{"width":1e9,"steps":-4}')).toMatchObject({ width: 2048, steps: 1 });
});
