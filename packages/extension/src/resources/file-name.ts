/**
 * Decides whether a file name that came from a page may become a file here.
 *
 * A name is taken as it is or refused, never repaired: a repaired name is one that nobody asked for
 * ("../../a" with the dots removed is still an attempt). What passes is one plain path segment that
 * every common file system stores unchanged.
 *
 * Does not look at the disk; containment in a folder is checked again where files are opened.
 */

import { BeelineError } from "@beeline/protocol";

/** File systems allow 255 bytes; the rest is kept for what is put beside a file (".preview.png"). */
export const MAX_FILE_NAME_BYTES = 200;

/** The one format whose files cannot run code when they are loaded. */
export const MODEL_EXTENSION = ".safetensors";

/** Separators, and what Windows refuses; `<`, `>` and `:` would also end a LoRA tag in a prompt. */
const FORBIDDEN = /[/\\:*?"<>|]/;

/** Control characters, and invisible ones that make a name read differently from what it is. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Windows opens a device for these, whatever the extension. */
const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * Refuses every name that is not a plain `.safetensors` file name.
 * @throws {BeelineError} `NAME_REFUSED` with the rule that was broken.
 */
export function checkFileName(name: string): void {
  const broken = brokenRule(name);
  if (broken !== undefined) {
    throw new BeelineError("NAME_REFUSED", `the name ${quote(name)} ${broken}`);
  }
}

function brokenRule(name: string): string | undefined {
  if (Buffer.byteLength(name) > MAX_FILE_NAME_BYTES) {
    return `is longer than ${MAX_FILE_NAME_BYTES} bytes`;
  }
  if (FORBIDDEN.test(name)) return 'contains one of / \\ : * ? " < > |';
  if (INVISIBLE.test(name)) return "contains control or invisible characters";
  if (name.normalize("NFC") !== name) return "is not in Unicode form NFC";
  if (name.startsWith(".")) return "begins with a dot";
  if (/[. ]$/.test(name)) return "ends with a dot or a space";
  if (/^\s/.test(name)) return "begins with a space";
  if (RESERVED.test(name)) return "is reserved by Windows";
  if (!name.toLowerCase().endsWith(MODEL_EXTENSION)) return `does not end with ${MODEL_EXTENSION}`;
  return undefined;
}

/** Fit for a log line and a page: short, and without characters that act on a terminal. */
function quote(name: string): string {
  return JSON.stringify(name.slice(0, 80).replace(/[^\P{C}]/gu, "?"));
}
