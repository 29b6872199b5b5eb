/**
 * What our own peers and the server say to each other: socket.io events on the path
 * {@link PEER_SOCKET_PATH}. Shipped clients use {@link SHIPPED_SOCKET_PATH} and `dialect.ts`.
 *
 *     peer → server                      server → peer
 *     join(JoinRequest, ack)             presence(Presence)
 *     leave()                            rekey({ key })
 *     signal(to, SignalMessage)          kicked({ code, message })
 *     relay(to, bytes)                   signal(from, SignalMessage)
 *     dialect(part)                      relay(from, bytes)
 *     report(SessionReport)              undeliverable(to)
 *                                        limited(Limited)
 *                                        iceServers(IceServer[])
 *                                        dialect(from, payload)
 *
 * The server routes `signal` and `relay` by peer id within a room and never looks inside; what a
 * `relay` event holds is in `relay-frame.ts`.
 * `dialect` joins the two worlds: what a shipped peer said comes whole, what is said to shipped
 * peers goes up in parts, because our own socket accepts small messages only (see limits.ts).
 */

import { z } from "zod";
import { isShortKey, PeerId } from "./ids.ts";
import { DIRECT_REASONS, type DirectReason } from "./signal.ts";

export const SHIPPED_SOCKET_PATH = "/api/socketio";
export const PEER_SOCKET_PATH = "/api/beeline";
export const REST_PATH = "/api/link";

/** Two peers understand each other's rooms when this number is equal. */
export const ROOM_VERSION = 1;

export const Role = z.enum(["client", "extension"]);
export type Role = z.infer<typeof Role>;

/**
 * Where a balancer should send a peer: the same for all who have this lasting key, so that both sides
 * of a link meet on one server process. Undefined for a short key, of which nothing may stand in a URL.
 *
 * FNV-1a, 32 bits. Access logs may have it: of a key's 512 random bits 480 stay unknown.
 */
export function roomHint(key: string): string | undefined {
  if (isShortKey(key)) return undefined;
  const hash = [...key].reduce(
    (sum, char) => Math.imul(sum ^ char.charCodeAt(0), 0x0100_0193) >>> 0,
    0x811c_9dc5,
  );
  return hash.toString(16).padStart(8, "0");
}

/** What a peer can do, by name. Unknown names are kept and ignored. */
export const Capability = z.string().min(1).max(32);
export const CAPABILITIES = { session: "session/1", direct: "direct/1" } as const;

export const JoinRequest = z.object({
  version: z.literal(ROOM_VERSION),
  role: Role,
  key: z.string().max(256),
  /** Shown to the other side, e.g. "Chromium on Linux". */
  name: z.string().max(80).default(""),
  capabilities: z.array(Capability).max(16).default([]),
  /**
   * Stable for one installation of an extension. A reconnecting extension takes its own place over
   * at once instead of waiting until the server notices that the old socket is dead.
   */
  installId: z.string().max(64).optional(),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

export const PeerInfo = z.object({
  id: PeerId,
  role: Role,
  /** `shipped` peers speak the shipped dialect and can neither signal nor carry records. */
  kind: z.enum(["beeline", "shipped"]),
  name: z.string(),
  capabilities: z.array(Capability),
  /** For extensions: this one receives the commands. At most one a room. */
  active: z.boolean(),
});
export type PeerInfo = z.infer<typeof PeerInfo>;

export const Presence = z.object({ peers: z.array(PeerInfo).max(1024) });
export type Presence = z.infer<typeof Presence>;

export const IceServer = z.object({
  urls: z.union([z.string(), z.array(z.string()).max(8)]),
  username: z.string().optional(),
  credential: z.string().optional(),
});
export type IceServer = z.infer<typeof IceServer>;

/**
 * Of a newer server the code may be one that is unknown here: read it by `BeelineError.fromWire`. A
 * closed list would drop the event whole, and a peer would not notice that it was kicked.
 */
const SentError = z.object({ code: z.string().max(64), message: z.string() });

export const JoinAck = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    peerId: PeerId,
    presence: Presence,
    iceServers: z.array(IceServer).max(16),
    /** The instance's name, as its owner wrote it. */
    instanceName: z.string().nullable(),
  }),
  z.object({
    ok: z.literal(false),
    error: SentError,
    /** False only when the answer is final: the key does not exist. Everything else is worth another try. */
    retry: z.boolean(),
  }),
]);
export type JoinAck = z.infer<typeof JoinAck>;

export const Kicked = SentError;
export type Kicked = z.infer<typeof Kicked>;

/**
 * Something that this peer sent was over a limit and was not passed on. At most one a second; what
 * was dropped in between is not told. A sender that waits for `retryAfterMs` loses nothing more.
 */
export const Limited = SentError.extend({ retryAfterMs: z.number().nonnegative() });
export type Limited = z.infer<typeof Limited>;

/** What an extension tells the server about a session, for its operator's statistics only. */
export const SessionReport = z.object({
  /** The client's peer id. */
  to: PeerId,
  /** The first eight digits of the session's id, as on its records: for the operator's log. */
  session: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional(),
  /** By which path the session's data goes now. */
  path: z.enum(["relay", "direct"]).optional(),
  /** An attempt to connect directly that has ended. */
  attempt: z
    .object({
      outcome: z.enum(["open", "failed"]),
      reason: z.enum(Object.keys(DIRECT_REASONS) as DirectReason[]),
    })
    .optional(),
});
export type SessionReport = z.infer<typeof SessionReport>;

/** One part of a shipped-dialect message (UTF-8 JSON) on its way up from our own peer. */
export const DialectPart = z.object({
  event: z.enum(["command", "commandStatus"]),
  /** Counts messages of this socket; parts of one message share it and arrive in order. */
  message: z.number().int().nonnegative(),
  last: z.boolean(),
  /** A peer id, or absent: every shipped peer of the other role. */
  to: PeerId.optional(),
  bytes: z.instanceof(Uint8Array),
});
export type DialectPart = z.infer<typeof DialectPart>;

/** What a shipped peer said, as our own peers receive it. `payload` is unchecked. */
export interface DialectMessage {
  readonly event: "command" | "commandStatus";
  readonly payload: unknown;
}

export interface PeerToServer {
  join: (request: JoinRequest, ack: (answer: JoinAck) => void) => void;
  leave: () => void;
  signal: (to: PeerId, message: unknown) => void;
  relay: (to: PeerId, bytes: Uint8Array) => void;
  dialect: (part: DialectPart) => void;
  report: (report: SessionReport) => void;
}

export interface ServerToPeer {
  presence: (presence: Presence) => void;
  rekey: (message: { key: string }) => void;
  kicked: (message: Kicked) => void;
  signal: (from: PeerId, message: unknown) => void;
  relay: (from: PeerId, bytes: Uint8Array) => void;
  undeliverable: (to: PeerId) => void;
  limited: (message: Limited) => void;
  /** Replaces those of the join's answer: with credentials, once both sides are in the room. */
  iceServers: (iceServers: IceServer[]) => void;
  dialect: (from: PeerId, message: DialectMessage) => void;
}

/** An instance as REST shows it to its owner: the shipped clients' shape. */
export const LinkInstance = z.object({
  id: z.number().int(),
  key: z.string(),
  name: z.string().nullable(),
  activated: z.boolean(),
  origin: z.string().nullable(),
  oauthPaired: z.boolean(),
  createdAt: z.string(),
});
export type LinkInstance = z.infer<typeof LinkInstance>;

/** Somebody in the room of a link, as REST shows them to its owner. What they call themselves is theirs. */
export const LinkPeer = PeerInfo.pick({ role: true, kind: true, name: true }).extend({
  /** Of IPv6 the first half. */
  address: z.string(),
  isOwner: z.boolean(),
  since: z.string(),
});
export type LinkPeer = z.infer<typeof LinkPeer>;

/** Who is in a link's room now, and who was when its short key was replaced. */
export const LinkPeers = z.object({
  peers: z.array(LinkPeer),
  pairing: z.object({ at: z.string(), peers: z.array(LinkPeer) }).nullable(),
});
export type LinkPeers = z.infer<typeof LinkPeers>;

export const CreatedInstance = z.object({
  id: z.number().int(),
  key: z.string(),
  instanceCount: z.number().int(),
  instanceLimit: z.number().int(),
  name: z.string().nullable(),
});
export type CreatedInstance = z.infer<typeof CreatedInstance>;
