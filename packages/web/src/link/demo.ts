/**
 * The demo's own door, which `beeline demo` opens on loopback only: link the extension that runs in
 * the server's process, so that a stranger needs no second terminal.
 */

import { BeelineError } from "@beeline/protocol";

/** @returns false wherever there is no demo, also when the server does not answer. */
export async function hasDemo(): Promise<boolean> {
  // Elsewhere the answer is known, and a browser writes every 404 to the console.
  if (!isLoopback(location.hostname)) return false;
  try {
    const response = await fetch("/api/demo", { credentials: "include" });
    if (!response.ok) return false;
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null && "demo" in body && body.demo === true;
  } catch {
    return false;
  }
}

/** Whether a page's host name, as `location.hostname` has it, is this very machine. Pure. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** @throws {BeelineError} `SERVER_UNREACHABLE` or `SERVER_REFUSED`. */
export async function pairDemo(instanceId: number): Promise<void> {
  let response: Response;
  try {
    response = await fetch("/api/demo/pair", {
      method: "POST",
      credentials: "include",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: instanceId }),
    });
  } catch (thrown) {
    throw new BeelineError("SERVER_UNREACHABLE", "the server did not answer", { cause: thrown });
  }
  if (!response.ok) {
    throw new BeelineError(
      "SERVER_REFUSED",
      `the demo could not be linked (HTTP ${response.status})`,
    );
  }
}
