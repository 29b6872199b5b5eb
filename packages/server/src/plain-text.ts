/**
 * Names that strangers give themselves, made harmless: a database refuses some characters, and with
 * them the whole row or the record of who was there.
 */

/** @returns `text` without control characters and halves of characters. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, "");
}
