/**
 * Checks the bearer tokens (JWT) of a site that has accounts of its own.
 *
 * Either the site and this server share a secret (HS256 …), or the site publishes its public keys
 * (JWKS), which are fetched when the first token comes and kept by `jose`. The two never mix: a
 * public key is no secret, and a token that claims otherwise must not be believed. Tokens are never
 * logged, and the caller learns only that one does not hold, not why.
 */

import { BeelineError } from "@beeline/protocol";
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { plainText } from "./plain-text.ts";
import { unauthorized } from "./users.ts";

const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
/** What sites sign with today, without RSA's old padding where the site can choose: RS256 is most of them. */
const PUBLIC_ALGORITHMS = ["EdDSA", "ES256", "ES384", "PS256", "PS384", "RS256", "RS384"];

/** Two machines' clocks; more would keep dead tokens alive. */
const CLOCK_TOLERANCE_S = 30;
/** A page waits for this; the site's own server is expected to be near. */
const JWKS_TIMEOUT_MS = 5_000;
/** A key that was withdrawn is believed for so long. */
const JWKS_MAX_AGE_MS = 10 * 60 * 1000;
/** Tokens with unknown key ids cannot make us ask more often than this. */
const JWKS_COOLDOWN_MS = 30_000;
/** Ten times what sites send; a longer one is not worth a signature check. */
const MAX_TOKEN_LENGTH = 16 * 1024;
/** No control characters: a database takes not all of them. */
const Subject = z
  .string()
  .min(1)
  .max(256)
  .refine((subject) => plainText(subject) === subject);

const Named = { issuer: z.string().min(1), audience: z.string().min(1) };

export const TokenPolicy = z.union([
  z.strictObject({
    ...Named,
    /** RFC 7518 §3.2: at least as long as the hash. */
    secret: z.string().min(32, "at least 32 characters"),
  }),
  z.strictObject({
    ...Named,
    jwksUrl: z.url({ protocol: /^https?$/ }).refine(isTrustworthy, "https, or http on loopback"),
  }),
]);
export type TokenPolicy = z.output<typeof TokenPolicy>;

/**
 * @returns the account that the token names.
 * @throws {BeelineError} `UNAUTHORIZED` if the token does not hold, `SERVER_REFUSED` if the site's
 * keys cannot be had.
 */
export type VerifyToken = (token: string) => Promise<string>;

export function createTokenCheck(policy: TokenPolicy, now: () => number): VerifyToken {
  const keys = keysOf(policy);
  const algorithms = "secret" in policy ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS;

  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) throw unauthorized();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: policy.issuer,
        audience: policy.audience,
        algorithms,
        requiredClaims: ["sub", "exp"],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(now()),
      });
      return Subject.parse(payload.sub);
    } catch (thrown) {
      if (isKeyFailure(thrown)) {
        const detail = "the site's keys cannot be had, so tokens cannot be checked right now";
        throw new BeelineError("SERVER_REFUSED", detail, { cause: thrown });
      }
      throw unauthorized();
    }
  };
}

function keysOf(policy: TokenPolicy): JWTVerifyGetKey {
  if ("secret" in policy) {
    const secret = new TextEncoder().encode(policy.secret);
    return async () => secret;
  }
  return createRemoteJWKSet(new URL(policy.jwksUrl), {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
  });
}

/** Not the token's fault: no answer, a wrong answer, or one that is no key set. */
function isKeyFailure(thrown: unknown): boolean {
  if (thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid) return true;
  if (thrown instanceof errors.JOSEError) return thrown.code === errors.JOSEError.code;
  return !(thrown instanceof z.ZodError);
}

function isTrustworthy(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
