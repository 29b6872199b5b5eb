/** What this package throws, and only at its own caller's mistakes: packets never make it throw. */

export type SctpErrorCode =
  | "not-connected"
  | "message-too-large"
  | "empty-message"
  | "no-such-stream"
  | "no-such-channel"
  | "label-too-long"
  | "too-many-channels"
  | "id-in-use";

export class SctpError extends Error {
  override readonly name = "SctpError";
  readonly code: SctpErrorCode;

  /** @param message says what was given, what is allowed, and what to do instead. */
  constructor(code: SctpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
