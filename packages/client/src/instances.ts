/** Link instances of the signed-in (or anonymous) user, over the server's REST interface. */

import type { TokenSource } from "@beeline/paths";
import {
  BeelineError,
  CreatedInstance,
  LinkInstance,
  LinkPeers,
  REST_PATH,
} from "@beeline/protocol";
import { z } from "zod";

export interface Instances {
  list(): Promise<LinkInstance[]>;
  /** @throws {BeelineError} `INSTANCE_LIMIT_REACHED`. */
  create(): Promise<CreatedInstance>;
  /** A new short key for an existing instance; its old key dies at once. */
  rekey(id: number): Promise<CreatedInstance>;
  rename(id: number, name: string): Promise<void>;
  remove(id: number): Promise<void>;
  /** Who is in the link's room, and who was when it was paired. */
  peers(id: number): Promise<LinkPeers>;
}

/** A page waits this long for a list of links before it says that the server is away. */
const TIMEOUT_MS = 15_000;

/** @param options.token for a site with accounts of its own; else the browser's cookie says who asks. */
export function createInstances(options: {
  readonly server: string;
  readonly token?: TokenSource;
}): Instances {
  const url = new URL(REST_PATH, options.server).href;

  async function request<T extends z.ZodType>(
    schema: T,
    method: string,
    body?: unknown,
    suffix = "",
  ): Promise<z.output<T>> {
    let response: Response;
    try {
      const { token } = options;
      const bearer = typeof token === "function" ? await token() : token;
      response = await fetch(url + suffix, {
        method,
        credentials: "include",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
      });
    } catch (cause) {
      throw new BeelineError("SERVER_UNREACHABLE", "the link server does not answer", { cause });
    }
    const payload: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw refusal(response.status, payload);
    const parsed = schema.safeParse(payload);
    if (parsed.success) return parsed.data;
    throw new BeelineError("SERVER_REFUSED", "the server's answer is not a link server's");
  }

  return {
    list: () => request(z.array(LinkInstance), "GET"),
    create: () => request(CreatedInstance, "POST", {}),
    rekey: (id) => request(CreatedInstance, "POST", { id }),
    rename: async (id, name) => {
      await request(z.object({ id: z.number() }), "PUT", { id, name });
    },
    remove: async (id) => {
      await request(z.object({ success: z.boolean() }), "DELETE", undefined, `?id=${id}`);
    },
    peers: (id) => request(LinkPeers, "GET", undefined, `/${id}/peers`),
  };
}

function refusal(status: number, payload: unknown): BeelineError {
  const text = (payload as { error?: unknown } | undefined)?.error;
  const detail = typeof text === "string" ? text.slice(0, 200) : `status ${status}`;
  if (detail === "Instance limit reached")
    return new BeelineError("INSTANCE_LIMIT_REACHED", detail);
  if (status === 401) return new BeelineError("UNAUTHORIZED", detail);
  if (status === 429) return new BeelineError("RATE_LIMITED", detail);
  return new BeelineError("SERVER_REFUSED", detail);
}
