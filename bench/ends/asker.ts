/**
 * The page's side of every subject, as a port: who asks holds the only clock, so that what is compared
 * is measured alike. Runs in Chromium, and in Node for the TCP yardstick.
 */

/** Previews of the demo renderer and of real backends measure 8 to 30 kB. */
export const PREVIEW_BYTES = 20_000;

/** The largest anybody asks for; ends keep that many random bytes ready. */
const MAX_TRANSFER_BYTES = 32_000_000;

export interface Transfer {
  /** Everything arrived in time. */
  readonly isDone: boolean;
  /** From the request until then, or until the limit. */
  readonly ms: number;
  /** What had arrived then. */
  readonly bytes: number;
  /** It was stopped on its way to the other end, which alone knows what it has; `bytes` is 0 then. */
  readonly isBlind?: boolean;
  /** From the request to the whole preview. Absent: none came, or none is sent this way. */
  readonly previewMs?: number;
}

export interface Asker {
  /** Milliseconds from the start of opening to what happened on the way; `first answer` is always in it. */
  readonly join: Readonly<Record<string, number>>;
  /** One command and its answer, in milliseconds. */
  roundTrip(): Promise<number>;
  /** Asks the other end for a preview and then this many bytes. */
  get(bytes: number, limitMs: number): Promise<Transfer>;
  /** Sends this many bytes; done when the other end says that it has them. */
  put(bytes: number, limitMs: number): Promise<Transfer>;
  close(): Promise<void>;
}

/** What both ends and their servers need to know to find one another. */
export interface OpenOptions {
  readonly server: string;
  /** By which they find each other at the server: a link key, or PeerJS' name of the home. */
  readonly key: string;
  readonly iceServers: readonly IceServerOptions[];
  /** Where the TCP yardstick listens. */
  readonly home: string;
}

export interface IceServerOptions {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** Waits for `done`, at most this long. @returns whether it came. */
export async function inTime(done: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What makes bytes pass for a PNG: whether it is one, only who decodes it would know. */
const PNG_HEAD = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

let made: Uint8Array<ArrayBuffer> | undefined;

/**
 * The largest picture, of bytes without pattern: one that compressed would hide what a way carries.
 * Made once; ends ask for it before they are asked, because making it takes a tenth of a second.
 */
export function payload(): Uint8Array<ArrayBuffer> {
  made ??= randomPayload(MAX_TRANSFER_BYTES);
  return made;
}

function randomPayload(bytes: number): Uint8Array<ArrayBuffer> {
  const random = new Uint8Array(bytes);
  // The most that one call fills.
  const step = 65_536;
  for (let at = 0; at < bytes; at += step) {
    crypto.getRandomValues(random.subarray(at, Math.min(bytes, at + step)));
  }
  random.set(PNG_HEAD);
  return random;
}
