/**
 * Messages and blobs over a session: what both peers' applications work with.
 *
 * Incoming streams are read up to their header and then handed to whoever knows that kind. Bytes are
 * acknowledged to the other side when the handler has taken them, so a slow handler slows the sender
 * and nothing piles up in between.
 */

import {
  BeelineError,
  encodeMessage,
  MessageReader,
  type PathKind,
  type Priority,
  parseHeader,
  type SessionEvent,
  STREAM_CODES,
  type StreamHeader,
} from "@beeline/protocol";
import type { SessionDriver } from "./session-driver.ts";

export interface IncomingStream {
  /** A whole message after the header. */
  onMessage?(message: unknown): void;
  /** Raw bytes after the header, in order. The stream's credit grows when the promise resolves. */
  onBytes?(bytes: Uint8Array, path: PathKind): void | Promise<void>;
  onEnd?(): void;
  /** The other side gave the stream up, or the session ended. */
  onReset?(code: number): void;
}

/** @returns undefined to refuse the stream. */
export type AcceptStream = (header: StreamHeader) => IncomingStream | undefined;

export interface MessageStream {
  send(message: unknown): void;
  end(): void;
  reset(code: number): void;
  /** Bytes that the other side has not taken yet: a measure of how far behind it is. */
  readonly backlogBytes: number;
}

export interface BlobSource {
  readonly size: number;
  /** Resolves with up to `length` bytes from `offset`, at least one before the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface BlobStream {
  /** Resolves when the other side's application has taken every byte. */
  readonly delivered: Promise<void>;
  reset(code: number): void;
}

/** Held in memory for each blob that is being sent: one bulk window, so that credit never starves. */
const BLOB_RETAINED_BYTES = 4 * 1024 * 1024;
/** Blobs sent at the same time; the others wait. Two, so that reading one hides the other's end. */
const BLOBS_AT_ONCE = 2;
const READ_BYTES = 256 * 1024;

interface Blob {
  readonly header: StreamHeader;
  readonly priority: Priority;
  readonly source: BlobSource;
  id: number | undefined;
  offset: number;
  isReading: boolean;
  readonly settle: { resolve(): void; reject(error: BeelineError): void };
}

interface Incoming {
  readonly reader: MessageReader;
  handler: IncomingStream | undefined;
  hasHeader: boolean;
}

export class Exchange {
  readonly #driver: SessionDriver;
  readonly #accept: AcceptStream;
  readonly #incoming = new Map<number, Incoming>();
  readonly #blobs = new Map<number, Blob>();
  readonly #waitingBlobs: Blob[] = [];

  constructor(driver: SessionDriver, accept: AcceptStream) {
    this.#driver = driver;
    this.#accept = accept;
  }

  /** Gives the exchange the session's events; those about streams are its own. */
  handle(event: SessionEvent): void {
    switch (event.type) {
      case "opened":
        this.#incoming.set(event.id, {
          reader: new MessageReader(),
          handler: undefined,
          hasHeader: false,
        });
        return;
      case "data":
        this.#onData(event.id, event.bytes, event.path ?? "relay");
        return;
      case "ended":
        this.#incoming.get(event.id)?.handler?.onEnd?.();
        this.#incoming.delete(event.id);
        return;
      case "reset":
        this.#incoming.get(event.id)?.handler?.onReset?.(event.code);
        this.#incoming.delete(event.id);
        return;
      case "stopped":
        this.#endBlob(event.id, new BeelineError("CANCELED", "the other side wants no more of it"));
        return;
      case "writable":
        this.#feed(this.#blobs.get(event.id));
        return;
      case "delivered":
        this.#endBlob(event.id, undefined);
        return;
      default:
        return;
    }
  }

  /** @throws {BeelineError} `LIMIT_EXCEEDED`, `SESSION_CLOSED`. */
  openMessages(header: StreamHeader, priority: Priority): MessageStream {
    const { session } = this.#driver;
    const id = session.openStream(priority);
    session.write(id, encodeMessage(header));
    this.#driver.touch();
    return {
      send: (message) => {
        session.write(id, encodeMessage(message));
        this.#driver.touch();
      },
      end: () => {
        session.end(id);
        this.#driver.touch();
      },
      reset: (code) => {
        session.streams.reset(id, code);
        this.#driver.touch();
      },
      get backlogBytes() {
        return session.streams.sender(id)?.retainedBytes ?? 0;
      },
    };
  }

  /** Sends `source` from `offset` on; waits for its turn behind other blobs. */
  sendBlob(header: StreamHeader, priority: Priority, source: BlobSource, offset = 0): BlobStream {
    const { promise, resolve, reject } = withResolvers();
    const blob: Blob = {
      header,
      priority,
      source,
      id: undefined,
      offset,
      isReading: false,
      settle: { resolve, reject },
    };
    this.#waitingBlobs.push(blob);
    this.#startBlobs();
    // Whoever does not ask is not interested; an unhandled rejection would end the process.
    promise.catch(() => {});
    return { delivered: promise, reset: (code) => this.#resetBlob(blob, code) };
  }

  /** The session is over: everything that waits on it is told. */
  end(error: BeelineError): void {
    for (const incoming of this.#incoming.values()) {
      incoming.handler?.onReset?.(STREAM_CODES.closing);
    }
    this.#incoming.clear();
    for (const blob of [...this.#blobs.values(), ...this.#waitingBlobs]) blob.settle.reject(error);
    this.#blobs.clear();
    this.#waitingBlobs.length = 0;
  }

  #onData(id: number, bytes: Uint8Array, path: PathKind): void {
    const incoming = this.#incoming.get(id);
    if (incoming === undefined) return;
    try {
      if (incoming.hasHeader && incoming.handler?.onBytes !== undefined) {
        this.#deliver(id, incoming.handler, bytes, path);
        return;
      }
      incoming.reader.push(bytes);
      const handedOn = this.#read(id, incoming, path);
      this.#driver.session.streams.consume(id, bytes.byteLength - handedOn);
    } catch (thrown) {
      // One bad stream is given up; the session and its other streams go on.
      incoming.handler?.onReset?.(STREAM_CODES.malformed);
      this.#stop(id, STREAM_CODES.malformed);
      if (!(thrown instanceof BeelineError)) throw thrown;
    }
    this.#driver.touch();
  }

  /** @returns bytes after the header that a handler has now, and answers for. */
  #read(id: number, incoming: Incoming, path: PathKind): number {
    if (!incoming.hasHeader) {
      const first = incoming.reader.next();
      if (first === undefined) return 0;
      incoming.hasHeader = true;
      incoming.handler = this.#accept(parseHeader(first.message));
      if (incoming.handler === undefined) {
        this.#stop(id, STREAM_CODES.canceled);
        return 0;
      }
    }
    if (incoming.handler?.onBytes !== undefined) {
      const rest = incoming.reader.rest();
      if (rest.byteLength > 0) this.#deliver(id, incoming.handler, rest, path);
      return rest.byteLength;
    }
    for (let next = incoming.reader.next(); next !== undefined; next = incoming.reader.next()) {
      incoming.handler?.onMessage?.(next.message);
    }
    return 0;
  }

  /** Returns the credit for `bytes` once the handler took them. */
  #deliver(id: number, handler: IncomingStream, bytes: Uint8Array, path: PathKind): void {
    const consume = (): void => {
      this.#driver.session.streams.consume(id, bytes.byteLength);
      this.#driver.touch();
    };
    const taking = handler.onBytes?.(bytes, path);
    if (taking === undefined) consume();
    else {
      taking.then(consume, () => {
        this.#stop(id, STREAM_CODES.canceled);
        // Of a stream that is here whole nothing more can be stopped, only its credit returned.
        consume();
      });
    }
  }

  /** Wants no more of a stream of the other side. */
  #stop(id: number, code: number): void {
    this.#incoming.delete(id);
    this.#driver.session.streams.stop(id, code);
    this.#driver.touch();
  }

  #startBlobs(): void {
    while (this.#blobs.size < BLOBS_AT_ONCE) {
      const blob = this.#waitingBlobs.shift();
      if (blob === undefined) return;
      try {
        blob.id = this.#driver.session.openStream(blob.priority);
      } catch (thrown) {
        blob.settle.reject(BeelineError.from(thrown));
        continue;
      }
      this.#blobs.set(blob.id, blob);
      this.#driver.session.write(blob.id, encodeMessage(blob.header));
      this.#feed(blob);
    }
  }

  #feed(blob: Blob | undefined): void {
    if (blob?.id === undefined || blob.isReading) return;
    const { session } = this.#driver;
    const stream = session.streams.sender(blob.id);
    if (stream === undefined || stream.hasEnded) return;
    if (blob.offset >= blob.source.size) {
      session.end(blob.id);
      this.#driver.touch();
      return;
    }
    if (stream.retainedBytes >= BLOB_RETAINED_BYTES) return;
    blob.isReading = true;
    blob.source
      .read(blob.offset, Math.min(READ_BYTES, blob.source.size - blob.offset))
      .then((bytes) => {
        blob.isReading = false;
        if (blob.id === undefined || !this.#blobs.has(blob.id)) return;
        if (bytes.byteLength === 0) throw new BeelineError("INTERNAL", "the blob ended early");
        session.write(blob.id, bytes);
        blob.offset += bytes.byteLength;
        this.#driver.touch();
        this.#feed(blob);
      })
      .catch((thrown: unknown) => {
        if (blob.id !== undefined) session.streams.reset(blob.id, STREAM_CODES.malformed);
        this.#driver.touch();
        this.#endBlob(blob.id, BeelineError.from(thrown));
      });
  }

  #resetBlob(blob: Blob, code: number): void {
    const waiting = this.#waitingBlobs.indexOf(blob);
    if (waiting >= 0) this.#waitingBlobs.splice(waiting, 1);
    if (blob.id !== undefined && this.#blobs.has(blob.id)) {
      this.#driver.session.streams.reset(blob.id, code);
      this.#driver.touch();
      this.#endBlob(blob.id, new BeelineError("CANCELED", "given up by the sender"));
    } else if (waiting >= 0) {
      blob.settle.reject(new BeelineError("CANCELED", "given up by the sender"));
    }
  }

  #endBlob(id: number | undefined, error: BeelineError | undefined): void {
    const blob = id === undefined ? undefined : this.#blobs.get(id);
    if (id === undefined || blob === undefined) return;
    this.#blobs.delete(id);
    if (error === undefined) blob.settle.resolve();
    else blob.settle.reject(error);
    this.#startBlobs();
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: BeelineError) => void;
} {
  let resolve: () => void = () => {};
  let reject: (error: BeelineError) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
