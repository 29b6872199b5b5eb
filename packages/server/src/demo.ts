/**
 * The demo's short cut: the page links its own instance to the extension of the same process,
 * without anybody copying a key.
 *
 *     GET  /api/demo            → {demo: boolean}
 *     POST /api/demo/pair {id}  → {linked: true}
 *
 * Exists for a browser on this very machine only: the connection, the Host header and the page must
 * all be local, and the instance must be the caller's. Everybody else is told that there is no demo,
 * in an answer and not in an error, because every page asks; pairing is a 404 for them.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type GuardedRequest, isLoopback, type Verdict } from "./guard.ts";
import type { Instances } from "./instances.ts";
import { readInput } from "./read-input.ts";
import type { Credentials } from "./users.ts";

const PairBody = z.object({ id: z.number().int().positive() });

export interface DemoOptions {
  /** Undefined: a server without a demo. */
  readonly pairDemo: ((key: string) => Promise<void>) | undefined;
  readonly instances: Instances;
  readonly check: (request: GuardedRequest) => Verdict;
  readonly userOf: (credentials: Credentials) => Promise<string | undefined>;
}

export function serveDemo(
  app: FastifyInstance,
  { pairDemo, instances, check, userOf }: DemoOptions,
): void {
  app.get("/api/demo", async (request) => ({
    demo: pairDemo !== undefined && isLocal(request, check(request.raw)),
  }));
  if (pairDemo === undefined) return;

  const localOnly = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isLocal(request, check(request.raw))) return reply.code(404).send({ error: "not found" });
    return undefined;
  };

  app.post("/api/demo/pair", { preHandler: localOnly }, async (request, reply) => {
    const { id } = readInput(PairBody, request.body);
    const userId = await userOf(request.headers);
    const instance = userId === undefined ? undefined : await instances.get(userId, id);
    if (instance === undefined)
      return reply.code(404).send({ error: "you have no such link instance" });
    await pairDemo(instance.key);
    return { linked: true };
  });
}

function isLocal(request: FastifyRequest, verdict: Verdict): boolean {
  // A proxy on this machine connects from loopback too, for somebody who is elsewhere.
  const isForwarded = "x-forwarded-for" in request.headers || "forwarded" in request.headers;
  return (
    verdict.allowed &&
    verdict.crossOrigin === undefined &&
    isLoopback(verdict.hostname) &&
    isLoopback(request.ip) &&
    !isForwarded
  );
}
