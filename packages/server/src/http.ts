/**
 * The server's HTTP side: link instances, health, metrics, the page.
 *
 *     /api/link      link instances (see instance-routes.ts)
 *     GET /healthz   → {status: "ok"}: the process runs
 *     GET /readyz    → {status: "ready"}, or 503 while peers had better go elsewhere
 *     GET /metrics   Prometheus text; on this machine, or with the operator's token
 *
 * Errors are `{error: string}` with a 4xx or 5xx; only a 503 is worth asking again, as shipped
 * clients know. Every request passes the guard first, the page's files too. Keys appear in answers
 * to their owner and nowhere else.
 */

import { timingSafeEqual } from "node:crypto";
import { BeelineError, type ErrorCode } from "@beeline/protocol";
import staticFiles from "@fastify/static";
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import { type DemoOptions, serveDemo } from "./demo.ts";
import { faultOf } from "./fault.ts";
import { type GuardedRequest, isLoopback, type Verdict } from "./guard.ts";
import { type InstanceRoutesOptions, serveInstances } from "./instance-routes.ts";
import type { Metrics } from "./metrics.ts";

/** Bodies are an id and a name. */
const BODY_BYTES = 4 * 1024;
/** For a shipped page that uploads a 3 MB model list by polling over 0.2 Mbit/s. */
const REQUEST_TIMEOUT_MS = 120_000;

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
  UNAUTHORIZED: 401,
  RATE_LIMITED: 429,
};

export interface HttpOptions extends InstanceRoutesOptions {
  readonly logger: Logger;
  readonly check: (request: GuardedRequest) => Verdict;
  /** Whether an address is one of the operator's proxies. */
  readonly trustProxy: (address: string, hop: number) => boolean;
  readonly pageDir: string | undefined;
  readonly pairDemo: DemoOptions["pairDemo"];
  readonly metrics: Metrics;
  readonly metricsToken: string | undefined;
  /** Why peers had better not come here now, or `undefined`. */
  readonly notReady: () => Promise<string | undefined>;
}

export function createHttp(options: HttpOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: failuresOnly(options.logger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    trustProxy: options.trustProxy,
  }) as unknown as FastifyInstance;
  app.addHook("onRequest", async (request, reply) =>
    guard(options.check(request.raw), request, reply),
  );
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: "not found" }));
  app.setErrorHandler(answerError);

  serveOperator(app, options);
  serveInstances(app, options);
  serveDemo(app, { ...options, userOf: options.accounts.userOf.bind(options.accounts) });
  if (options.pageDir !== undefined) app.register(staticFiles, { root: options.pageDir });
  return app;
}

/** It tells of every address that it listens on, which the server itself has said. */
function failuresOnly(logger: Logger): Logger {
  return logger.child({}, { level: logger.isLevelEnabled("warn") ? "warn" : logger.level });
}

function serveOperator(
  app: FastifyInstance,
  { notReady, metrics, metricsToken }: HttpOptions,
): void {
  app.get("/healthz", async () => ({ status: "ok" }));

  app.get("/readyz", async (_request, reply) => {
    const reason = await notReady();
    if (reason === undefined) return { status: "ready" };
    return reply.code(503).send({ status: "not ready", reason });
  });

  app.get("/metrics", async (request, reply) => {
    if (!mayReadMetrics(request, metricsToken)) return reply.code(404).send({ error: "not found" });
    const { contentType, text } = await metrics.read();
    return reply.type(contentType).send(text);
  });
}

/** A proxy on this machine connects from loopback too, for somebody who is elsewhere. */
function mayReadMetrics({ ip, headers }: FastifyRequest, token: string | undefined): boolean {
  const isForwarded = "x-forwarded-for" in headers || "forwarded" in headers;
  if (isLoopback(ip) && !isForwarded) return true;
  if (token === undefined) return false;
  const expected = Buffer.from(`Bearer ${token}`);
  const given = Buffer.from(headers.authorization ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
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
      "access-control-allow-headers": "Content-Type, Authorization",
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
  request.log.error({ err: faultOf(thrown), method: request.method }, "request failed");
  return reply.code(503).send({ error: "the server cannot do this right now" });
}
