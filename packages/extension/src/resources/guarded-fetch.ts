/**
 * Fetches what a page named, and nothing that the address policy forbids.
 *
 * Every hop is judged before it is connected to: the URL's text, then each address its name resolves
 * to, and the connection goes to those very addresses, so a name that answers differently the second
 * time (DNS rebinding) gains nothing. Redirects are followed by hand, at most five, each judged anew.
 *
 * Sends no cookies and no credentials, keeps no cache, decompresses nothing.
 */

import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { BeelineError } from "@beeline/protocol";
import { Agent, request } from "undici";
import { type AddressPolicy, checkResolved, checkUrl } from "./address-policy.ts";

/** Publishers send a download on once or twice; more is a loop or a maze. */
const MAX_REDIRECTS = 5;
/** A host that takes longer to accept or to begin answering is treated as down. */
const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 30_000;
/** Between two pieces of a body; downloads resume after it. */
const BODY_TIMEOUT_MS = 60_000;
/** Of a redirect's own page, read so that its connection can be used again. */
const MAX_REDIRECT_BODY_BYTES = 64 * 1024;

export interface Fetched {
  readonly status: number;
  /** Header names are in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
}

export interface FetchOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The system's resolver, or a stand-in. */
export type ResolveHost = (
  host: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export class GuardedFetch {
  readonly #policy: AddressPolicy;
  readonly #agent: Agent;

  constructor(policy: AddressPolicy, resolveHost: ResolveHost = systemLookup) {
    this.#policy = policy;
    this.#agent = new Agent({
      connect: { lookup: vettedLookup(policy, resolveHost), timeout: CONNECT_TIMEOUT_MS },
    });
  }

  /**
   * GETs a URL; any final status is an answer.
   * @throws {BeelineError} `URL_REFUSED` for what may not be fetched, `DOWNLOAD_FAILED` when no
   * answer came. When `options.signal` fires, throws its reason.
   */
  async get(url: string, options: FetchOptions): Promise<Fetched> {
    let next = checkUrl(url, this.#policy);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await this.#once(next, options);
      const location = redirectOf(answer);
      if (location === undefined) return answer;
      next = checkUrl(new URL(location, next).href, this.#policy);
    }
    throw new BeelineError("URL_REFUSED", `more than ${MAX_REDIRECTS} redirects`);
  }

  /**
   * GETs a whole body of bounded size.
   * @throws {BeelineError} as {@link get}, `DOWNLOAD_FAILED` for a status other than 200, and
   * `LIMIT_EXCEEDED` beyond `maxBytes`.
   */
  async getBytes(url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await this.get(url, { signal });
    try {
      if (answer.status !== 200) {
        throw new BeelineError(
          "DOWNLOAD_FAILED",
          `the server answered with status ${answer.status}`,
        );
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > maxBytes) {
          throw new BeelineError("LIMIT_EXCEEDED", `the file is larger than ${maxBytes} bytes`);
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch (error) {
      throw asFetchError(error, signal);
    } finally {
      answer.body.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #once(url: URL, options: FetchOptions): Promise<Fetched> {
    try {
      const answer = await request(url, {
        dispatcher: this.#agent,
        signal: options.signal,
        headers: { "accept-encoding": "identity", ...options.headers },
        headersTimeout: HEADERS_TIMEOUT_MS,
        bodyTimeout: BODY_TIMEOUT_MS,
      });
      // A body that is destroyed unread reports that as an error; one that reads hears of it anyway.
      answer.body.on("error", () => undefined);
      if (answer.statusCode >= 300 && answer.statusCode < 400) {
        await answer.body.dump({ limit: MAX_REDIRECT_BODY_BYTES, signal: options.signal });
      }
      const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
        name,
        [value].flat().join(", "),
      ]);
      return { status: answer.statusCode, headers: new Map(headers), body: answer.body };
    } catch (error) {
      throw asFetchError(error, options.signal);
    }
  }
}

/** What went wrong while fetching, as one of our errors. */
export function asFetchError(error: unknown, signal: AbortSignal): BeelineError {
  if (signal.aborted) return BeelineError.from(signal.reason);
  if (error instanceof BeelineError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new BeelineError("DOWNLOAD_FAILED", `the connection failed: ${code ?? message}`, {
    cause: error,
  });
}

function redirectOf(answer: Fetched): string | undefined {
  const isRedirect = [301, 302, 303, 307, 308].includes(answer.status);
  const location = answer.headers.get("location");
  if (!isRedirect || location === undefined) return undefined;
  if (URL.canParse(location, "https://base.invalid")) return location;
  throw new BeelineError("URL_REFUSED", "the server redirects to an address that cannot be read");
}

function vettedLookup(policy: AddressPolicy, resolveHost: ResolveHost): LookupFunction {
  return (host, options, callback) => {
    resolveHost(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      try {
        for (const { address } of addresses) checkResolved(host, address, policy);
      } catch (refusal) {
        return callback(refusal as Error, "");
      }
      const first = addresses[0];
      if (options.all === true) return callback(null, addresses);
      return callback(null, first?.address ?? "", first?.family);
    });
  };
}
