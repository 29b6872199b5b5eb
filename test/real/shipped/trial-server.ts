/** A real Beeline server with a folder of its own, and the user who makes links there. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REST_PATH } from "@beeline/protocol";
import { createLinkServer } from "@beeline/server";
import pino from "pino";

export interface TrialServer {
  readonly url: string;
  readonly port: number;
  createInstance(): Promise<{ id: number; key: string }>;
  deleteInstance(id: number): Promise<void>;
  close(): Promise<void>;
}

export async function startTrialServer(allowOrigin: readonly string[] = []): Promise<TrialServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "beeline-trial-"));
  const logger = pino({ level: "silent" });
  const server = createLinkServer({ dataDir, port: 0, logger, allowedOrigins: [...allowOrigin] });
  const { url, port } = await server.listen();
  let cookie = "";
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(new URL(path, url), {
      method,
      headers: { cookie, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return await answer.json();
  };
  return {
    url,
    port,
    createInstance: () => ask("POST", REST_PATH, {}),
    deleteInstance: async (id) => void (await ask("DELETE", `${REST_PATH}?id=${id}`)),
    async close() {
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
