/** What a session is told when it is made, and what it tells the application. */

import type { BeelineError } from "../errors.ts";
import type { Policy } from "../frames.ts";
import type { PathId, PathKind } from "../record.ts";
import type { BulkReason } from "./choose-path.ts";
import type { StreamEvent } from "./streams.ts";

export type SessionRole = "client" | "extension";

export interface SessionOptions {
  readonly role: SessionRole;
  /** 32 hex digits, drawn by the client. */
  readonly sessionId: string;
  /** Client only: a secret by which the extension knows this client again. */
  readonly clientId?: string;
  /** Client only: shown to the extension's owner. */
  readonly name?: string;
}

export type SessionEvent =
  | (StreamEvent & { readonly path?: PathKind })
  /** The extension answered the hello. `isResumed`: it still knew this session. */
  | { readonly type: "welcomed"; readonly isResumed: boolean }
  | { readonly type: "refused"; readonly error: BeelineError }
  /** Bulk that this side sends travels elsewhere from now on; `to` is undefined while no path is open. */
  | { readonly type: "switched"; readonly to: PathKind | undefined; readonly reason: BulkReason }
  | { readonly type: "suspect"; readonly path: PathId }
  /** Silent for too long: close it and build another. Said again as long as it stays so. */
  | { readonly type: "dead"; readonly path: PathId }
  | { readonly type: "policy"; readonly policy: Policy }
  /** The peer has delivered everything and will end the session once everything of ours is. */
  | { readonly type: "closing" }
  | { readonly type: "closed"; readonly error: BeelineError | undefined };
