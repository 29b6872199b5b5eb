/**
 * Commands that wait for their answers. A call outlives sessions: when the session is replaced (the
 * extension restarted, the page came back), every open call is made again under the same id, and the
 * extension continues or repeats its answer without doing the work twice.
 */

import type { Clock, IncomingStream } from "@beeline/paths";
import {
  BeelineError,
  COMMANDS,
  type CommandName,
  PROTOCOL_VERSION,
  type ResponseOf,
  STREAM_CODES,
  type StreamHeader,
} from "@beeline/protocol";

type ImageHeader = Extract<StreamHeader, { kind: "image" }>;
type PreviewHeader = Extract<StreamHeader, { kind: "preview" }>;

export interface InputBlob {
  readonly bytes: Uint8Array;
}

/** What a call tells its owner. */
export interface CallHandlers<N extends CommandName> {
  onResponse(response: ResponseOf<N>): void;
  onImage?(header: ImageHeader): IncomingStream | undefined;
  onPreview?(header: PreviewHeader, bytes: Uint8Array): void;
  /** Images held in part, so that a repeated call does not fetch them twice. */
  have?(): { index: number; offset: number }[];
  /** For good: refused, canceled, timed out, or the link closed. */
  onError(error: BeelineError): void;
}

/** What a carrier is given to send. */
export interface OpenCall {
  readonly id: string;
  readonly type: CommandName;
  readonly command: Readonly<Record<string, unknown>>;
  readonly inputs: readonly InputBlob[];
  readonly handlers: Pick<CallHandlers<CommandName>, "have">;
}

/** Brings calls to the extension. What comes back goes to {@link Calls.accept} or {@link Calls.answer}. */
export interface Carrier {
  /** Asks, or asks again. A call that it throws at has failed. */
  ask(call: OpenCall): void;
  /** Nobody waits for that call any more. @param isTaken the result is held and may be forgotten. */
  end(id: string, isTaken: boolean): void;
}

interface Call extends OpenCall {
  readonly handlers: CallHandlers<CommandName>;
  /** A final response came: the call only waits for its owner to end it. */
  isAnswered: boolean;
  cancelTimeout: (() => void) | undefined;
}

/** Without a reachable extension for this long, waiting calls fail instead of waiting for ever. */
const UNREACHABLE_LIMIT_MS = 60_000;
/** Read-only commands are answered from memory: a minute covers a slow relay and a long list. */
const ANSWER_LIMIT_MS = 60_000;

/** For ends that the extension gives no reason for. */
const UNEXPLAINED = {
  canceled: { code: "CANCELED", message: "canceled" },
  error: { code: "INTERNAL", message: "the extension failed and did not say why" },
} as const;

export class Calls {
  readonly #calls = new Map<string, Call>();
  readonly #clock: Clock;
  #carrier: Carrier | undefined;
  #cancelWatch: (() => void) | undefined;
  #whyUnreachable: BeelineError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** @param isQuick the answer is due within a minute; jobs take as long as they take. */
  start<N extends CommandName>(
    command: { readonly id: string; readonly type: N } & Readonly<Record<string, unknown>>,
    inputs: readonly InputBlob[],
    handlers: CallHandlers<N>,
    isQuick: boolean,
  ): void {
    if (this.#calls.has(command.id)) {
      handlers.onError(new BeelineError("COMMAND_CONFLICT", "that id is already waiting here"));
      return;
    }
    const call: Call = {
      id: command.id,
      type: command.type,
      command: { version: PROTOCOL_VERSION, createdAt: new Date().toISOString(), ...command },
      inputs,
      handlers: handlers as unknown as CallHandlers<CommandName>,
      isAnswered: false,
      cancelTimeout: undefined,
    };
    this.#calls.set(call.id, call);
    if (isQuick) {
      call.cancelTimeout = this.#clock.after(ANSWER_LIMIT_MS, () =>
        this.fail(call.id, new BeelineError("TIMED_OUT", `no answer to ${call.type}`)),
      );
    }
    if (this.#carrier !== undefined) this.#send(call, this.#carrier);
    this.#watch();
  }

  /** There is an extension to ask: everything that is open is asked (again). */
  link(carrier: Carrier): void {
    this.#carrier = carrier;
    for (const call of [...this.#calls.values()]) this.#send(call, carrier);
  }

  /** What was asked is lost, and so are the answers; calls wait for the next carrier. */
  unlink(): void {
    this.#carrier = undefined;
  }

  /** @param whyNot undefined: the extension can be reached; else what stands in the way. */
  setReachable(whyNot: BeelineError | undefined): void {
    this.#whyUnreachable = whyNot;
    if (whyNot !== undefined) return this.#watch();
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  /** Asks once more, e.g. because an image arrived damaged. */
  again(id: string): void {
    const call = this.#calls.get(id);
    if (call === undefined || this.#carrier === undefined) return;
    call.isAnswered = false;
    this.#send(call, this.#carrier);
  }

  /** The owner has what it wanted. @param isTaken tells the extension to forget the result. */
  finish(id: string, isTaken: boolean): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#drop(call, isTaken);
  }

  fail(id: string, error: BeelineError): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#drop(call, false);
    call.handlers.onError(error);
  }

  failAll(error: BeelineError): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
    for (const id of [...this.#calls.keys()]) this.fail(id, error);
  }

  /** Streams that the extension opens. @returns undefined for those nobody waits for. */
  accept(header: StreamHeader): IncomingStream | undefined {
    if (!("id" in header)) return undefined;
    const call = this.#calls.get(header.id);
    if (call === undefined) return undefined;
    switch (header.kind) {
      case "reply":
        return {
          onMessage: (message) => this.#onReply(call, message),
          onEnd: () => this.#onReplyEnd(call),
          onReset: (code) => {
            // A session that ends is replaced and the call made again; a canceled stream is not.
            if (code !== STREAM_CODES.closing) this.#onReplyEnd(call);
          },
        };
      case "image":
        return call.handlers.onImage?.(header);
      case "preview":
        return call.handlers.onPreview === undefined ? undefined : previewStream(call, header);
      default:
        return undefined;
    }
  }

  /** An answer that came on no stream. */
  answer(id: string, message: unknown): void {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#onReply(call, message);
  }

  #send(call: Call, carrier: Carrier): void {
    try {
      carrier.ask(call);
    } catch (thrown) {
      this.fail(call.id, BeelineError.from(thrown));
    }
  }

  #onReply(call: Call, message: unknown): void {
    const response = COMMANDS[call.type].response.safeParse(message);
    if (!response.success) {
      this.fail(call.id, new BeelineError("MESSAGE_MALFORMED", "the answer is not one"));
      return;
    }
    const { status, error } = response.data;
    if (status === "error" || status === "canceled") {
      call.isAnswered = true;
      this.fail(call.id, BeelineError.fromWire(error ?? UNEXPLAINED[status]));
      return;
    }
    if (status === "success") call.isAnswered = true;
    call.handlers.onResponse(response.data as ResponseOf<CommandName>);
  }

  #onReplyEnd(call: Call): void {
    if (call.isAnswered || !this.#calls.has(call.id)) return;
    this.fail(call.id, new BeelineError("INTERNAL", "the answer ended without a result"));
  }

  /** While the extension cannot be reached, calls wait for a limited time. */
  #watch(): void {
    if (this.#calls.size === 0 || this.#whyUnreachable === undefined) return;
    this.#cancelWatch ??= this.#clock.after(UNREACHABLE_LIMIT_MS, () => {
      this.#cancelWatch = undefined;
      if (this.#whyUnreachable !== undefined) this.failAll(this.#whyUnreachable);
    });
  }

  #drop(call: Call, isTaken: boolean): void {
    call.cancelTimeout?.();
    this.#calls.delete(call.id);
    this.#carrier?.end(call.id, isTaken);
  }
}

function previewStream(call: Call, header: PreviewHeader): IncomingStream {
  const bytes = new Uint8Array(header.size);
  let at = 0;
  return {
    onBytes: (part) => {
      if (at + part.byteLength > bytes.byteLength)
        throw new BeelineError("IMAGE_CORRUPT", "preview");
      bytes.set(part, at);
      at += part.byteLength;
    },
    onEnd: () => {
      if (at === bytes.byteLength) call.handlers.onPreview?.(header, bytes);
    },
  };
}
