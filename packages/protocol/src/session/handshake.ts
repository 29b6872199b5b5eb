/**
 * The handshake: how a client and an extension agree that they speak of the same session.
 *
 *     client                                   extension
 *       │ hello { version, sessionId, clientId } ─▶ │   on every relay generation
 *       │ frames … (a first command need not wait)  │
 *       │ ◀──────────── welcome { isResumed }       │   or refuse { code, message }
 *
 * Hellos are repeated until answered, so the relay may lose them. `isResumed: false` to a client
 * that was welcomed before means that the extension was restarted: the session's state is gone on
 * that side, and the client starts a new session and asks for its jobs again.
 */

import { z } from "zod";
import { BeelineError } from "../errors.ts";
import { packMessage, unpackMessage } from "../msgpack.ts";
import type { RecordKind } from "../record.ts";
import type { SessionOptions } from "./session-events.ts";

export const SESSION_VERSION = 1;

export const Hello = z.object({
  version: z.number().int(),
  sessionId: z.string().regex(/^[0-9a-f]{32}$/),
  clientId: z.string().regex(/^[0-9a-f]{32,128}$/),
  name: z.string().max(80),
  /** The client has had an answer to an earlier hello of this session. */
  isKnown: z.boolean(),
});
export type Hello = z.infer<typeof Hello>;

const Versioned = z.object({ version: z.number().int() });
const Welcome = z.object({ isResumed: z.boolean() });
const Refuse = z.object({ code: z.string().max(64), message: z.string().max(512) });

/** The wait before a hello is repeated: a long round trip at first, then doubling to a calm pace. */
const FIRST_REPEAT_MS = 1_000;
const LAST_REPEAT_MS = 8_000;

type Outcome =
  | { readonly type: "welcomed"; readonly isResumed: boolean }
  | { readonly type: "refused"; readonly error: BeelineError };

export class Handshake {
  readonly #options: SessionOptions;
  #isWelcomed = false;
  /** Client: a hello is owed from this moment on. Extension: never. */
  #helloAtMs = Number.POSITIVE_INFINITY;
  #repeatMs = FIRST_REPEAT_MS;
  #reply: { readonly type: RecordKind; readonly body: Uint8Array } | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Client: the extension has answered at least once. */
  get isWelcomed(): boolean {
    return this.#isWelcomed;
  }

  get wakeAtMs(): number {
    return this.#helloAtMs;
  }

  onRelayOpen(nowMs: number): void {
    if (this.#options.role !== "client") return;
    this.#helloAtMs = nowMs;
    this.#repeatMs = FIRST_REPEAT_MS;
  }

  onRelayClosed(): void {
    this.#helloAtMs = Number.POSITIVE_INFINITY;
    this.#reply = undefined;
  }

  nextRecord(nowMs: number): { type: RecordKind; body: Uint8Array } | undefined {
    if (this.#reply !== undefined) {
      const reply = this.#reply;
      this.#reply = undefined;
      return reply;
    }
    if (nowMs < this.#helloAtMs) return undefined;
    this.#helloAtMs = nowMs + this.#repeatMs;
    this.#repeatMs = Math.min(this.#repeatMs * 2, LAST_REPEAT_MS);
    const hello: Hello = {
      version: SESSION_VERSION,
      sessionId: this.#options.sessionId,
      clientId: this.#options.clientId ?? "",
      name: this.#options.name ?? "",
      isKnown: this.#isWelcomed,
    };
    return { type: "hello", body: packMessage(hello) };
  }

  /** Extension: answers a hello for this session (also one that was repeated). */
  welcome(isResumed: boolean): void {
    this.#reply = { type: "welcome", body: welcomeBody(isResumed) };
  }

  /** Client: the extension's answer. Anything else, and answers nobody waits for, are ignored. */
  onRecord(type: RecordKind, body: Uint8Array): Outcome | undefined {
    if (this.#options.role !== "client" || this.#helloAtMs === Number.POSITIVE_INFINITY) {
      return undefined;
    }
    if (type === "welcome") {
      const { isResumed } = parse(Welcome, body);
      this.#helloAtMs = Number.POSITIVE_INFINITY;
      this.#isWelcomed = true;
      return { type: "welcomed", isResumed };
    }
    if (type === "refuse") {
      this.#helloAtMs = Number.POSITIVE_INFINITY;
      return { type: "refused", error: BeelineError.fromWire(parse(Refuse, body)) };
    }
    return undefined;
  }
}

/**
 * Extension: reads a hello before there is a session to give it to.
 * @throws {BeelineError} `RECORD_MALFORMED` or `VERSION_UNSUPPORTED`.
 */
export function parseHello(body: Uint8Array): Hello {
  // The version first: another one may have other fields.
  const { version } = parse(Versioned, body);
  if (version !== SESSION_VERSION) {
    throw new BeelineError(
      "VERSION_UNSUPPORTED",
      `session version ${version} is not understood here; ${SESSION_VERSION} is`,
    );
  }
  return parse(Hello, body);
}

/** Extension: the answer for a session that was (or was not) known before this hello. */
export function welcomeBody(isResumed: boolean): Uint8Array {
  return packMessage({ isResumed });
}

export function refuseBody(error: BeelineError): Uint8Array {
  return packMessage({ code: error.code, message: error.detail.slice(0, 512) });
}

function parse<T extends z.ZodType>(schema: T, body: Uint8Array): z.output<T> {
  let raw: unknown;
  try {
    raw = unpackMessage(body);
  } catch (cause) {
    throw new BeelineError("RECORD_MALFORMED", "a handshake that is not msgpack", { cause });
  }
  const result = schema.safeParse(raw);
  if (!result.success) throw new BeelineError("RECORD_MALFORMED", "a handshake with wrong fields");
  return result.data;
}
