/**
 * AUTOMATIC1111's API as three programs speak it, and how to tell them apart.
 *
 * Each has addresses that the others lack: only SD.Next says its version, only Forge lists modules.
 * sd-server imitates this API without progress, interrupt and models; it is not one of them.
 */

import { BeelineError } from "@beeline/protocol";
import type { BackendHttp } from "../shared/backend-http.ts";

export interface Dialect {
  readonly kind: "a1111" | "forge" | "sdnext";
  readonly name: string;
  /** Lists what a VAE can be chosen from. */
  readonly vaeList: string;
  /** The backend takes a task id with a request and tells the progress of that task. */
  readonly taskIds: boolean;
  readonly hypernets: boolean;
  /** Least time between two looks at the progress, in ms. */
  readonly pollMs: number;
}

const DIALECTS = {
  a1111: {
    kind: "a1111",
    name: "AUTOMATIC1111",
    vaeList: "/sdapi/v1/sd-vae",
    taskIds: true,
    hypernets: true,
    pollMs: 300,
  },
  forge: {
    kind: "forge",
    name: "Forge",
    // Its `sd_vae` setting does nothing: VAEs are modules.
    vaeList: "/sdapi/v1/sd-modules",
    taskIds: true,
    // Lists them and never applies one.
    hypernets: false,
    pollMs: 300,
  },
  sdnext: {
    kind: "sdnext",
    name: "SD.Next",
    vaeList: "/sdapi/v1/sd-vae",
    taskIds: false,
    hypernets: false,
    // It allows 300 requests a minute; two looks a second leave room for the owner's browser.
    pollMs: 500,
  },
} as const satisfies Record<string, Dialect>;

/** Which program answers, or undefined when none of the three does. */
export async function detectDialect(http: BackendHttp): Promise<Dialect | undefined> {
  const models = await http.jsonIfThere("/sdapi/v1/sd-models");
  if (!Array.isArray(models)) return undefined;
  if ((await http.jsonIfThere("/sdcpp/v1/capabilities")) !== undefined) return undefined;
  if ((await http.jsonIfThere("/sdapi/v1/version")) !== undefined) return DIALECTS.sdnext;
  if (Array.isArray(await http.jsonIfThere("/sdapi/v1/sd-modules"))) return DIALECTS.forge;
  return DIALECTS.a1111;
}

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` */
export async function requireDialect(http: BackendHttp): Promise<Dialect> {
  const dialect = await detectDialect(http);
  if (dialect !== undefined) return dialect;
  throw new BeelineError(
    "BACKEND_UNAVAILABLE",
    `${http.url} does not speak AUTOMATIC1111's API; start it with --api`,
  );
}
