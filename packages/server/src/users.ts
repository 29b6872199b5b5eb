/**
 * Who somebody is, from what a request or a socket's handshake brought.
 *
 *     Authorization: Bearer <JWT>    a site's own account; on sockets also `auth.token`
 *     Cookie: beeline_user           nobody in particular, the same browser as before
 *
 * The cookie holds a random id that scripts cannot read and other sites cannot make the browser
 * send (SameSite=Lax); other sites bring a token. A token decides alone: one that does not hold is an
 * error, never a reason to look at the cookie. Users of the two kinds cannot have one id.
 */

import { randomUUID } from "node:crypto";
import { BeelineError } from "@beeline/protocol";
import { Signer } from "@fastify/cookie";
import { parseCookie, stringifySetCookie } from "cookie";
import type { VerifyToken } from "./tokens.ts";

const COOKIE = "beeline_user";
/** Browsers keep no cookie longer than 400 days; each new instance starts them again. */
const COOKIE_MAX_AGE_S = 400 * 24 * 60 * 60;

/** Node's lower-cased headers, as far as they say who somebody is. */
export interface Credentials {
  readonly cookie?: string | undefined;
  readonly authorization?: string | undefined;
  /** From a socket's handshake, where browsers cannot set headers. */
  readonly token?: unknown;
}

export interface AccountsOptions {
  readonly cookieSecret: string;
  /** Absent: there are no accounts but the browser's. */
  readonly verifyToken: VerifyToken | undefined;
  /** Whether somebody without a token may own instances. */
  readonly allowAnonymous: boolean;
}

export interface Welcome {
  readonly userId: string;
  /** A `Set-Cookie` header that makes the browser the same user next time; none for tokens. */
  readonly setCookie: string | undefined;
}

export class Accounts {
  readonly #signer: Signer;
  readonly #verifyToken: VerifyToken | undefined;
  readonly #allowAnonymous: boolean;

  constructor({ cookieSecret, verifyToken, allowAnonymous }: AccountsOptions) {
    this.#signer = new Signer(cookieSecret);
    this.#verifyToken = verifyToken;
    this.#allowAnonymous = allowAnonymous;
  }

  /**
   * `undefined` for strangers and for cookies that this server did not sign.
   * @throws {BeelineError} `UNAUTHORIZED` for a token that does not hold; anything else means that
   * tokens cannot be checked now.
   */
  async userOf(credentials: Credentials): Promise<string | undefined> {
    const token = tokenOf(credentials);
    if (token !== undefined) {
      if (this.#verifyToken === undefined) throw unauthorized();
      return `account:${await this.#verifyToken(token)}`;
    }
    if (!this.#allowAnonymous) return undefined;
    const cookie = parseCookie(credentials.cookie ?? "")[COOKIE];
    if (cookie === undefined) return undefined;
    const { valid, value } = this.#signer.unsign(cookie);
    return valid ? (value ?? undefined) : undefined;
  }

  /**
   * The same, where strangers have nothing to ask.
   * @throws {BeelineError} `UNAUTHORIZED` for nobody where accounts are a must.
   */
  async callerOf(credentials: Credentials): Promise<string | undefined> {
    const userId = await this.userOf(credentials);
    if (userId === undefined && !this.#allowAnonymous) throw unauthorized();
    return userId;
  }

  /** The user, who is made one if need be. @throws {BeelineError} `UNAUTHORIZED` where accounts are a must. */
  async welcome(credentials: Credentials, isSecure: boolean): Promise<Welcome> {
    const known = await this.userOf(credentials);
    if (tokenOf(credentials) !== undefined && known !== undefined) {
      return { userId: known, setCookie: undefined };
    }
    if (!this.#allowAnonymous) throw unauthorized();
    const userId = known ?? randomUUID();
    const setCookie = stringifySetCookie(COOKIE, this.#signer.sign(userId), {
      httpOnly: true,
      secure: isSecure,
      sameSite: "lax",
      path: "/",
      maxAge: COOKIE_MAX_AGE_S,
    });
    return { userId, setCookie };
  }
}

/** The very word that shipped pages know. */
export function unauthorized(): BeelineError {
  return new BeelineError("UNAUTHORIZED", "unauthorized");
}

function tokenOf({ authorization, token }: Credentials): string | undefined {
  if (token !== undefined && token !== null) return typeof token === "string" ? token : "";
  return authorization === undefined ? undefined : authorization.replace(/^Bearer +/i, "");
}
