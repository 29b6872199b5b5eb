/**
 * Who this client is, across reloads of its tab: a secret by which the extension gives a job's
 * result to the client that asked for it and to no other. One per tab, so two tabs are two clients.
 */

import { randomHex } from "./random.ts";

const STORAGE_KEY = "beeline.clientId";
const CLIENT_ID = /^[0-9a-f]{32,128}$/;

export function rememberedClientId(): string {
  try {
    const storage = globalThis.sessionStorage;
    const known = storage.getItem(STORAGE_KEY);
    if (known !== null && CLIENT_ID.test(known)) return known;
    const fresh = randomHex(16);
    storage.setItem(STORAGE_KEY, fresh);
    return fresh;
  } catch {
    // Node, or a browser that forbids storage: known until this process or page ends.
    return randomHex(16);
  }
}
