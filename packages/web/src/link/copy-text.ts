/**
 * Copying text, also on a plain-http LAN address where `navigator.clipboard` does not exist.
 *
 * The old way (`execCommand`) copies what is selected, so the text is put into a field of its own
 * for that moment. It must run within the click, before anything is awaited.
 */

/** @returns whether the text is on the clipboard; if not, the person has to select it by hand. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard === undefined) return copyBySelection(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.style.position = "fixed";
  field.style.opacity = "0";
  // Inside a dialog, focus may not leave it: the field goes beside what has the focus.
  (before?.parentElement ?? document.body).append(field);
  field.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}
