/**
 * The form as this tab last had it, so that a reload loses no prompt. Kept in `sessionStorage`: it
 * is gone with the tab, because prompts are private. What is read back is checked like any input.
 */

import { changeForm, type DrawForm, FIRST_FORM, PROTOCOL_LIMITS } from "./draw-form.ts";

const NAME = "beeline.form";

export function storedForm(): DrawForm {
  try {
    return readForm(sessionStorage.getItem(NAME));
  } catch {
    return FIRST_FORM;
  }
}

export function storeForm(form: DrawForm): void {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(form));
  } catch {
    // Storage is forbidden or full. A reload starts with an empty form.
  }
}

/** A form from its JSON: fields of the wrong kind are as if they had never been changed. Pure. */
export function readForm(json: string | null): DrawForm {
  const stored: unknown = json === null ? {} : parse(json);
  if (typeof stored !== "object" || stored === null) return FIRST_FORM;
  const fields = stored as Readonly<Record<string, unknown>>;
  const text = (name: string) => (typeof fields[name] === "string" ? { [name]: fields[name] } : {});
  const number = (name: string) =>
    typeof fields[name] === "number" ? { [name]: fields[name] } : {};
  return changeForm(
    FIRST_FORM,
    {
      ...text("prompt"),
      ...text("negativePrompt"),
      ...text("model"),
      ...text("vae"),
      ...text("sampler"),
      ...number("seed"),
      ...number("steps"),
      ...number("width"),
      ...number("height"),
      ...number("cfgScale"),
      ...number("quantity"),
      ...number("batchSize"),
      ...number("denoiseStrength"),
    },
    PROTOCOL_LIMITS,
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
