/**
 * The door between what carries commands (a session, the shipped dialect) and what carries them out.
 *
 * A command id names one job for ever: asking again with the same id, body and client attaches to
 * the running job or returns the finished result, and never starts a second one.
 */

import type { ImageInfo } from "@beeline/protocol";

/** Who asks. `clientId` is a secret of that client; a job answers to its own client only. */
export interface Caller {
  readonly clientId: string;
  /** Which of the extension's links the command came through. */
  readonly linkId: string;
  readonly name: string;
}

/** Pictures that a client sends beside a command: `initImage: { blob: 0 }` names the first. */
export interface InputBlobs {
  /** @throws {BeelineError} `IMAGE_CORRUPT`, `LIMIT_EXCEEDED` or `SESSION_CLOSED`. */
  read(blob: number): Promise<Uint8Array>;
}

/** A finished image, kept by the extension (memory or disk) until its client acknowledged it. */
export interface StoredImage {
  readonly info: ImageInfo;
  /** Bytes from `offset`, at most `length` of them; resolves with fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** One who asked and listens. Calls come in order; the last is `response` with `final` true. */
export interface Subscriber {
  /** A response in the specification's shape: a whole object each time, never a difference. */
  response(response: Readonly<Record<string, unknown>>, final: boolean): void;
  preview(preview: { index: number; mime: string; bytes: Uint8Array }): void;
  /** Once per finished image, also for those that were finished before this subscriber came. */
  image(image: StoredImage): void;
}

export type Changed = "resources" | "activities";

export interface CommandService {
  /**
   * Checks and carries out one command. Never throws and never stays silent: every outcome, good or
   * bad, reaches `subscriber`.
   * @returns a function that stops listening; the job goes on.
   */
  handle(raw: unknown, caller: Caller, blobs: InputBlobs, subscriber: Subscriber): () => void;
  /** The client holds every image of this job; what was kept for it may go. Idempotent. */
  acknowledge(commandId: string, caller: Caller): void;
  /** Tells of changes that pages show. @returns a function that removes the listener. */
  onChanged(listener: (what: Changed) => void): () => void;
  close(): Promise<void>;
}
