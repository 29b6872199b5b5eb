/**
 * Who owns an instance: nobody in particular, the same browser as before.
 *
 * The user is a random id in a signed cookie that scripts cannot read and other sites cannot make
 * the browser send (SameSite=Lax). Accounts of a site are another way to find the same string.
 */

import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

const COOKIE = "beeline_user";
/** Browsers keep no cookie longer than 400 days; each new instance starts them again. */
const COOKIE_MAX_AGE_S = 400 * 24 * 60 * 60;

/** `undefined` for strangers and for cookies that this server did not sign. */
export function userOf(request: FastifyRequest): string | undefined {
  const cookie = request.cookies[COOKIE];
  if (cookie === undefined) return undefined;
  const { valid, value } = request.unsignCookie(cookie);
  return valid ? value : undefined;
}

/** The user, who is made one if need be. */
export function welcome(request: FastifyRequest, reply: FastifyReply): string {
  const userId = userOf(request) ?? randomUUID();
  reply.setCookie(COOKIE, userId, {
    signed: true,
    httpOnly: true,
    sameSite: "lax",
    path: "/",
    maxAge: COOKIE_MAX_AGE_S,
  });
  return userId;
}
