/** `beeline server`: the link server with the page. */

import { join } from "node:path";
import { createLinkServer } from "@beeline/server";
import { pageDir } from "@beeline/web/page";
import { Command } from "commander";
import { foldersFor } from "../folders.ts";
import { closeOnExit, endOnFault } from "../lifetime.ts";
import { createLogger } from "../logger.ts";
import { addServerSettings, readServerSettings, type ServerSettings } from "../server-settings.ts";

/** What closing takes besides the drain. */
const CLOSE_MS = 5_000;

export function serverCommand(): Command {
  const command = new Command("server").description("run the link server and its page");
  return addServerSettings(command).action(async (flags: Record<string, unknown>) => {
    const settings = readServerSettings(flags, process.env);
    const server = createLinkServer({ ...optionsFrom(settings), pageDir });
    closeOnExit([server], settings.drain * 1000 + CLOSE_MS);
    const { url } = await server.listen();
    process.stdout.write(`Link server: ${url}\n`);
  });
}

function optionsFrom(settings: ServerSettings): Parameters<typeof createLinkServer>[0] {
  return {
    dataDir: join(foldersFor(settings.home).data, "server"),
    databaseUrl: settings.database,
    redisUrl: settings.redis,
    secret: settings.secret,
    host: settings.host,
    port: settings.port,
    publicHosts: settings.publicHost,
    trustedProxies: settings.trustProxy,
    allowedOrigins: settings.allowOrigin,
    allowAnonymous: settings.anonymous,
    tokens: tokensFrom(settings),
    turn: turnFrom(settings),
    stunPort: settings.stun ? settings.stunPort : false,
    instanceLimit: settings.instanceLimit,
    socketsPerAddress: settings.socketsPerAddress,
    relayBytesPerSecond: settings.relayRate,
    userRelayBytesPerSecond: settings.relayUserRate,
    metricsToken: settings.metricsToken,
    drainMs: settings.drain * 1000,
    logger: endOnFault(createLogger(settings.logLevel)),
  };
}

function tokensFrom({ tokenIssuer, tokenAudience, tokenJwksUrl, tokenSecret }: ServerSettings) {
  if (tokenIssuer === undefined || tokenAudience === undefined) return undefined;
  const named = { issuer: tokenIssuer, audience: tokenAudience };
  if (tokenSecret !== undefined) return { ...named, secret: tokenSecret };
  return tokenJwksUrl === undefined ? undefined : { ...named, jwksUrl: tokenJwksUrl };
}

function turnFrom(settings: ServerSettings) {
  const { turnUrl, turnSecret, turnLifetime, turnPerUser, turnTotal } = settings;
  if (turnSecret === undefined) return undefined;
  return {
    urls: turnUrl,
    secret: turnSecret,
    lifetimeS: turnLifetime,
    perUserHour: turnPerUser,
    perHour: turnTotal,
  };
}
