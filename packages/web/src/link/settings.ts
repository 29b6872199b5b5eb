/**
 * What this browser remembers between visits: which link was used last, and the path policy.
 * Never a key: keys come from the server, to whom they belong.
 *
 * A browser may forbid storage altogether; then nothing is remembered and everything still works.
 */

import type { PathPolicy } from "@beeline/client";

const LAST_INSTANCE = "beeline.instance";
const POLICY = "beeline.policy";

export const PATH_POLICIES: readonly PathPolicy[] = [
  "preferDirect",
  "fastest",
  "saveRelay",
  "relayOnly",
];

export function lastInstanceId(): number | undefined {
  const text = read(LAST_INSTANCE);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function rememberInstance(id: number | undefined): void {
  write(LAST_INSTANCE, id === undefined ? undefined : String(id));
}

export function storedPolicy(): PathPolicy {
  const text = read(POLICY);
  return PATH_POLICIES.find((policy) => policy === text) ?? "preferDirect";
}

export function rememberPolicy(policy: PathPolicy): void {
  write(POLICY, policy);
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // Storage is forbidden or full. What is lost is a convenience.
  }
}
