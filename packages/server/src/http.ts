/**
 * The server's HTTP side: link instances in the shapes that shipped pages expect, health, the page.
 *
 *     GET    /api/link             → LinkInstance[]
 *     POST   /api/link  {} | {id}  → CreatedInstance; {id} gives that instance a new short key
 *     PUT    /api/link  {id, name} → {id, name}
 *     DELETE /api/link?id=1        → {success: true}
 *     GET    /healthz              → {status: "ok"}
 *
 * Errors are `{error: string}` with a 4xx or 5xx; only a 503 is worth asking again, as shipped
 * clients know. Every request passes the guard first, the page's files too. Keys appear in answers
 * to their owner and nowhere else.
 */

import {
  BeelineError,
  type CreatedInstance,
  type ErrorCode,
  type LinkInstance,
  REST_PATH,
} from "@beeline/protocol";
import cookies from "@fastify/cookie";
import staticFiles from "@fastify/static";
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import { z } from "zod";
import { type DemoOptions, serveDemo } from "./demo.ts";
import type { GuardedRequest, Verdict } from "./guard.ts";
import type { Instances } from "./instances.ts";
import { networkOf } from "./ip-address.ts";
import { NamedBuckets } from "./rate-limit.ts";
import { readInput } from "./read-input.ts";
import type { Instance } from "./store.ts";
import { userOf, welcome } from "./users.ts";

/** Bodies are an id and a name. */
const BODY_BYTES = 4 * 1024;
/** For a shipped page that uploads a 3 MB model list by polling over 0.2 Mbit/s. */
const REQUEST_TIMEOUT_MS = 120_000;
/** New instances per address: 60 at once, then one in ten seconds. Rows are 500 bytes: 4 MB a day. */
const CREATIONS = { capacity: 60, perSecond: 0.1 };

/**
 * The page loads nothing from elsewhere and sits in no frame. Component libraries set style
 * attributes; pictures and previews are blobs; `'self'` in connect-src covers WebSockets.
 */
const SECURITY_HEADERS = {
  "content-security-policy": [
    "default-src 'self'",
    "img-src 'self' blob: data:",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "connect-src 'self' blob: data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const STATUS: Partial<Record<ErrorCode, number>> = {
  MESSAGE_MALFORMED: 400,
  INSTANCE_LIMIT_REACHED: 400,
  LINK_KEY_UNKNOWN: 404,
  RATE_LIMITED: 429,
};

const InstanceId = z.number().int().positive();
const PostBody = z.object({ id: InstanceId.optional() });
const PutBody = z.object({ id: InstanceId, name: z.string().trim().min(1).max(80) });
const DeleteQuery = z.object({ id: z.coerce.number().pipe(InstanceId) });

export interface HttpOptions {
  readonly logger: Logger;
  readonly instances: Instances;
  readonly cookieSecret: string;
  readonly check: (request: GuardedRequest) => Verdict;
  readonly now: () => number;
  readonly pageDir: string | undefined;
  readonly pairDemo: DemoOptions["pairDemo"];
}

export function createHttp(options: HttpOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  }) as unknown as FastifyInstance;
  app.register(cookies, { secret: options.cookieSecret });
  app.addHook("onRequest", async (request, reply) =>
    guard(options.check(request.raw), request, reply),
  );
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: "not found" }));
  app.setErrorHandler(answerError);

  app.get("/healthz", async () => ({ status: "ok" }));
  serveInstances(app, options);
  serveDemo(app, options);
  if (options.pageDir !== undefined) app.register(staticFiles, { root: options.pageDir });
  return app;
}

function serveInstances(app: FastifyInstance, { instances, now }: HttpOptions): void {
  const creations = new NamedBuckets(CREATIONS);

  app.get(REST_PATH, async (request): Promise<LinkInstance[]> => {
    const userId = userOf(request);
    return userId === undefined ? [] : (await instances.list(userId)).map(shown);
  });

  app.post(REST_PATH, async (request, reply): Promise<CreatedInstance> => {
    const { id } = readInput(PostBody, request.body ?? {});
    if (!creations.take(networkOf(request.ip), now())) {
      throw new BeelineError("RATE_LIMITED", "too many new links from this address");
    }
    const userId = welcome(request, reply);
    const counted =
      id === undefined
        ? await instances.create(userId, request.headers.origin ?? null)
        : await instances.rekey(userId, id);
    const { instance, count } = counted ?? notFound();
    return {
      id: instance.id,
      key: instance.key,
      instanceCount: count,
      instanceLimit: instances.limit,
      name: instance.name,
    };
  });

  app.put(REST_PATH, async (request) => {
    const { id, name } = readInput(PutBody, request.body);
    const userId = userOf(request) ?? notFound();
    const renamed = (await instances.rename(userId, id, name)) ?? notFound();
    return { id: renamed.id, name: renamed.name };
  });

  app.delete(REST_PATH, async (request) => {
    const { id } = readInput(DeleteQuery, request.query);
    const userId = userOf(request) ?? notFound();
    if (!(await instances.remove(userId, id))) notFound();
    return { success: true };
  });
}

async function guard(
  verdict: Verdict,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  reply.headers(SECURITY_HEADERS);
  if (request.url.startsWith("/api/")) reply.header("cache-control", "no-store");
  if (!verdict.allowed) return reply.code(403).send({ error: verdict.message });
  if (verdict.crossOrigin === undefined) return undefined;

  reply.headers({
    "access-control-allow-origin": verdict.crossOrigin,
    "access-control-allow-credentials": "true",
    "cross-origin-resource-policy": "cross-origin",
    vary: "Origin",
  });
  if (request.method !== "OPTIONS") return undefined;
  return reply
    .code(204)
    .headers({
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
      "access-control-allow-headers": "Content-Type",
      // Chromium's upper bound, in seconds.
      "access-control-max-age": "7200",
    })
    .send();
}

function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  if (thrown instanceof BeelineError) {
    return reply.code(STATUS[thrown.code] ?? 503).send({ error: thrown.detail });
  }
  const { statusCode, message } = thrown as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode < 500)
    return reply.code(statusCode).send({ error: message });
  request.log.error({ err: thrown, method: request.method }, "request failed");
  return reply.code(503).send({ error: "the server cannot do this right now" });
}

/** Another one's instance and one that does not exist look the same. */
function notFound(): never {
  throw new BeelineError("LINK_KEY_UNKNOWN", "you have no such link instance");
}

function shown(instance: Instance): LinkInstance {
  return {
    id: instance.id,
    key: instance.key,
    name: instance.name,
    activated: instance.activated,
    origin: instance.origin,
    // Pairing through a site's own sign-in does not exist here; shipped pages read the field.
    oauthPaired: false,
    createdAt: new Date(instance.createdAtMs).toISOString(),
  };
}
