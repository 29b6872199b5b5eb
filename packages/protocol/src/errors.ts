/**
 * Everything that can go wrong on a link, once.
 *
 * Codes travel on the wire and in logs, so they are never renamed. Messages are for people and may
 * change. The remedy says what the person in front of the screen can do; a new code does not
 * compile until it has one.
 */

export const ERROR_CODES = [
  // The link
  "LINK_KEY_MALFORMED",
  "LINK_KEY_UNKNOWN",
  "LINK_REVOKED",
  "EXTENSION_ABSENT",
  "EXTENSION_STANDBY",
  "EXTENSION_RESTARTED",
  "SERVER_UNREACHABLE",
  "SERVER_REFUSED",
  "RATE_LIMITED",
  "INSTANCE_LIMIT_REACHED",
  "UNAUTHORIZED",
  // The session
  "RECORD_MALFORMED",
  "MESSAGE_MALFORMED",
  "PROTOCOL_VIOLATION",
  "VERSION_UNSUPPORTED",
  "SESSION_LOST",
  "SESSION_CLOSED",
  "DELIVERY_INCOMPLETE",
  "LIMIT_EXCEEDED",
  // Commands
  "COMMAND_UNKNOWN",
  "COMMAND_INVALID",
  "COMMAND_CONFLICT",
  "COMMAND_UNSUPPORTED",
  "NOT_PERMITTED",
  "CANCELED",
  "TIMED_OUT",
  "JOB_INTERRUPTED",
  "JOB_UNKNOWN",
  "QUEUE_FULL",
  // Generation
  "BACKEND_UNAVAILABLE",
  "BACKEND_FAILED",
  "MODEL_NOT_FOUND",
  "RESOURCE_NOT_FOUND",
  "SAMPLER_NOT_FOUND",
  "IMAGE_UNREADABLE",
  "IMAGE_CORRUPT",
  // Downloads
  "NAME_REFUSED",
  "URL_REFUSED",
  "DOWNLOAD_FAILED",
  "HASH_MISMATCH",
  "FILE_REFUSED",
  "DISK_FULL",
  "INTERNAL",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What the user may do about each code. Shown beside the message, so written for a person. */
export const REMEDIES: Readonly<Record<ErrorCode, string>> = {
  LINK_KEY_MALFORMED: "Copy the whole link key from the page: 6 or 128 characters, 0–9 and a–f.",
  LINK_KEY_UNKNOWN: "Create a new link on the page and give its key to the extension.",
  LINK_REVOKED: "The link was deleted or given a new key. Link again with the key the page shows.",
  EXTENSION_ABSENT: "Start the extension beside Stable Diffusion: beeline extension.",
  EXTENSION_STANDBY: "Another extension already serves this link. Stop it, or make a second link.",
  EXTENSION_RESTARTED: "The extension was restarted. Send the request again.",
  SERVER_UNREACHABLE: "Check the connection and the server's address; Beeline keeps trying.",
  SERVER_REFUSED: "The server refused the connection. Check its address and its allowed origins.",
  RATE_LIMITED: "Too many attempts. Wait a minute and try again.",
  INSTANCE_LIMIT_REACHED: "Delete a link you no longer use, then create a new one.",
  UNAUTHORIZED: "Sign in again, or reload the page.",
  RECORD_MALFORMED: "Update Beeline on both sides. If it stays, please report it.",
  MESSAGE_MALFORMED: "Update Beeline on both sides. If it stays, please report it.",
  PROTOCOL_VIOLATION: "Update Beeline on both sides. If it stays, please report it.",
  VERSION_UNSUPPORTED: "Update Beeline on the older side.",
  SESSION_LOST: "The other side no longer knows this session. Send the request again.",
  SESSION_CLOSED: "The link was closed. Connect again.",
  DELIVERY_INCOMPLETE: "The link closed before everything had arrived. Connect again to fetch it.",
  LIMIT_EXCEEDED: "Send less at once: the message names the limit.",
  COMMAND_UNKNOWN: "This extension does not know that command. Update it.",
  COMMAND_INVALID: "Correct the field that the message names.",
  COMMAND_CONFLICT: "That id already belongs to another request. Use a fresh id.",
  COMMAND_UNSUPPORTED: "This Stable Diffusion cannot do that. The message says what is missing.",
  NOT_PERMITTED: "The owner of the extension has not allowed this. Allow it there.",
  CANCELED: "Canceled on request. Nothing to do.",
  TIMED_OUT: "No answer in time. Check that the extension is running, then try again.",
  JOB_INTERRUPTED: "The extension stopped while it was working. Send the request again.",
  JOB_UNKNOWN: "There is no such job, or its result was already delivered.",
  QUEUE_FULL: "Wait until a job is done, then send it again.",
  BACKEND_UNAVAILABLE: "Start Stable Diffusion, or check the extension's --backend-url.",
  BACKEND_FAILED: "Stable Diffusion reported an error. The message has its words.",
  MODEL_NOT_FOUND: "Choose a model from the list, or add this one first.",
  RESOURCE_NOT_FOUND: "Choose one from the list, or add it first.",
  SAMPLER_NOT_FOUND: "Choose a sampler from the list.",
  IMAGE_UNREADABLE: "Use a PNG, JPEG or WebP image within the size limit.",
  IMAGE_CORRUPT: "The image's SHA-256 was wrong on arrival. Ask for it again.",
  NAME_REFUSED: "Use a plain file name ending in .safetensors, without folders.",
  URL_REFUSED: "Use an https address of an allowed host. The extension's owner can allow more.",
  DOWNLOAD_FAILED: "Check the address and the connection, then try again.",
  HASH_MISMATCH: "The file is not what its hash promises. Check the address and the hash.",
  FILE_REFUSED: "Only safetensors files that read as such are kept.",
  DISK_FULL: "Free some space where the models are kept.",
  INTERNAL: "This is a bug in Beeline. Please report it with the log.",
};

/** Longest message of an error on the wire, in UTF-16 code units. */
export const MAX_ERROR_MESSAGE = 4_096;

/** The shape of an error on the wire, inside a response's `error` field. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** The only error that leaves Beeline's public functions. `message` starts with the code. */
export class BeelineError extends Error {
  override readonly name = "BeelineError";
  readonly code: ErrorCode;
  /** The sentence without the code, for showing to a person. */
  readonly detail: string;
  readonly remedy: string;

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.detail = detail;
    this.remedy = REMEDIES[code];
  }

  /** A message that is too long for the wire is cut: what a backend or a server said may be anything. */
  toWire(): WireError {
    return { code: this.code, message: cut(this.detail), remedy: this.remedy };
  }

  /** Reads an error another peer sent. An unknown code (a newer peer) becomes `INTERNAL`. */
  static fromWire(wire: { code: string; message: string }): BeelineError {
    const known = (ERROR_CODES as readonly string[]).includes(wire.code);
    return known
      ? new BeelineError(wire.code as ErrorCode, wire.message)
      : new BeelineError("INTERNAL", `${wire.code}: ${wire.message}`);
  }

  /** Any thrown value as a BeelineError; what is not ours becomes `INTERNAL`. */
  static from(thrown: unknown): BeelineError {
    if (thrown instanceof BeelineError) return thrown;
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    return new BeelineError("INTERNAL", detail, { cause: thrown });
  }
}

function cut(message: string): string {
  if (message.length <= MAX_ERROR_MESSAGE) return message;
  // Not through the middle of a character that takes two units.
  return `${message.slice(0, MAX_ERROR_MESSAGE - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
