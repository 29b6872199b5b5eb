/**
 * What streams carry: every stream begins with one header message that says what follows.
 *
 *     call      client → extension   one command, then the end
 *     input     client → extension   one input picture of a call, raw bytes
 *     taken     client → extension   "I hold every image of this command": results may be forgotten
 *     reply     extension → client   responses of one command, the last one final
 *     image     extension → client   one finished image from `offset` on, raw bytes
 *     preview   extension → client   one preview, raw bytes
 *     push      extension → client   something changed, ask again
 *
 * A message is its length (u32, big-endian) and that many bytes of msgpack (`msgpack.ts`). Raw bytes
 * have no framing: the stream's end is theirs.
 */

import { z } from "zod";
import { CommandId } from "./commands/base.ts";
import { ImageInfo } from "./commands/image.ts";
import { BeelineError } from "./errors.ts";
import { MAX_INPUT_IMAGE_BYTES, MAX_MESSAGE_BYTES } from "./limits.ts";
import { packMessage, unpackMessage } from "./msgpack.ts";

export const StreamHeader = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("call"),
    id: CommandId,
    /** Images the client holds already, wholly or in part: send the rest only. */
    have: z
      .array(z.object({ index: z.number().int().min(0), offset: z.number().int().min(0) }))
      .max(256)
      .default([]),
  }),
  z.object({
    kind: z.literal("input"),
    id: CommandId,
    blob: z.number().int().min(0).max(7),
    size: z.number().int().min(1).max(MAX_INPUT_IMAGE_BYTES),
  }),
  z.object({ kind: z.literal("taken"), id: CommandId }),
  z.object({ kind: z.literal("reply"), id: CommandId }),
  z.object({
    kind: z.literal("image"),
    id: CommandId,
    info: ImageInfo,
    offset: z.number().int().min(0),
  }),
  z.object({
    kind: z.literal("preview"),
    id: CommandId,
    index: z.number().int().min(0),
    mime: z.string().max(64),
    /** 384² pixels as PNG at worst. */
    size: z
      .number()
      .int()
      .min(1)
      .max(1024 * 1024),
  }),
  z.object({ kind: z.literal("push"), changed: z.enum(["resources", "activities"]) }),
]);
export type StreamHeader = z.infer<typeof StreamHeader>;

/** Codes in reset and stop frames: why a stream was given up. */
export const STREAM_CODES = { canceled: 0, stale: 1, malformed: 2, closing: 3 } as const;

const LENGTH_BYTES = 4;

/** @throws {BeelineError} `LIMIT_EXCEEDED` above MAX_MESSAGE_BYTES. */
export function encodeMessage(message: unknown): Uint8Array {
  const packed = packMessage(message);
  if (packed.byteLength > MAX_MESSAGE_BYTES) {
    throw new BeelineError("LIMIT_EXCEEDED", `a message of ${packed.byteLength} bytes`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + packed.byteLength);
  new DataView(bytes.buffer).setUint32(0, packed.byteLength);
  bytes.set(packed, LENGTH_BYTES);
  return bytes;
}

/**
 * Cuts a stream's bytes back into messages. Holds at most one unfinished message, and of that no
 * more than was announced and arrived.
 */
export class MessageReader {
  readonly #parts: Uint8Array[] = [];
  #held = 0;

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#held += bytes.byteLength;
  }

  /**
   * @returns the next whole message (unchecked), or undefined until more bytes come.
   * @throws {BeelineError} `MESSAGE_MALFORMED`: give the stream up.
   */
  next(): { readonly message: unknown } | undefined {
    if (this.#held < LENGTH_BYTES) return undefined;
    const head = this.#peek(LENGTH_BYTES);
    const length = new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
    if (length > MAX_MESSAGE_BYTES) {
      throw new BeelineError("MESSAGE_MALFORMED", `a message of ${length} bytes`);
    }
    if (this.#held < LENGTH_BYTES + length) return undefined;
    this.#take(LENGTH_BYTES);
    const body = this.#take(length);
    try {
      return { message: unpackMessage(body) };
    } catch (cause) {
      throw new BeelineError("MESSAGE_MALFORMED", "not msgpack", { cause });
    }
  }

  /** Bytes that no message claimed: the raw part of a stream after its header. */
  rest(): Uint8Array {
    return this.#take(this.#held);
  }

  #peek(length: number): Uint8Array {
    const first = this.#parts[0] as Uint8Array;
    if (first.byteLength >= length) return first;
    this.#join();
    return this.#parts[0] as Uint8Array;
  }

  #take(length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    if ((this.#parts[0] as Uint8Array).byteLength < length) this.#join();
    const first = this.#parts[0] as Uint8Array;
    this.#held -= length;
    if (first.byteLength === length) this.#parts.shift();
    else this.#parts[0] = first.subarray(length);
    return first.subarray(0, length);
  }

  #join(): void {
    const joined = new Uint8Array(this.#held);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.byteLength;
    }
    this.#parts.splice(0, this.#parts.length, joined);
  }
}

/** @throws {BeelineError} `MESSAGE_MALFORMED`. */
export function parseHeader(message: unknown): StreamHeader {
  const header = StreamHeader.safeParse(message);
  if (header.success) return header.data;
  throw new BeelineError("MESSAGE_MALFORMED", "an unknown stream header");
}
