/**
 * How an association comes to be: RFC 9260 section 5. Both sides may send INIT at once, an INIT or a
 * COOKIE ECHO may come again at any time, and the other side may begin anew.
 *
 *     closed ──connect──▶ cookie-wait ──INIT ACK──▶ cookie-echoed ──COOKIE ACK──▶ established
 *        └───────────────────────────── COOKIE ECHO ─────────────────────────────────▲
 *
 * It says what to send and what became of it; association.ts sends and acts.
 */

import type { Chunk, InitChunk } from "../wire/chunk.ts";
import type { AssociationOptions } from "./association-api.ts";
import { type CookieContent, CookieJar } from "./cookie.ts";
import { agree, hasStreams, ownInit, type PeerTerms } from "./peer-terms.ts";

/**
 * The first wait of T1-init and T1-cookie. RFC 9260 section 16 has 1 s; a needless INIT costs 100
 * bytes and changes nothing, and people wait for this one.
 */
const FIRST_WAIT_MS = 500;
/** As rto.ts: longer waits help nobody when the network comes back. */
const MOST_WAIT_MS = 3000;
/**
 * RFC 9260 section 16: Max.Init.Retransmits is 8. Our waits are shorter; these make some 30 s, after
 * which ICE would have given the path up as well (RFC 7675 section 5.1).
 */
const MOST_RETRANSMISSIONS = 11;

/** What we let another side's cookie have: it must fit a packet of ours. Browsers' have 100 to 300 bytes. */
const MOST_COOKIE_BYTES = 1024;
/** Of an INIT's unknown parameters we report so many bytes: the INIT ACK must fit a packet. */
const MOST_REPORTED_BYTES = 256;

export type CookieOutcome =
  /** New: acknowledge it, and begin. */
  | "established"
  /** The other side lost its state: acknowledge it, forget everything, begin anew. */
  | "restarted"
  /** Known: acknowledge it again. */
  | "repeated"
  /** Too old: say so. */
  | "stale"
  | "ignored";

export type InitAckOutcome = "accepted" | "ignored" | "refused";

export class Handshake {
  phase: "closed" | "cookie-wait" | "cookie-echoed" | "established" = "closed";
  localTag: number;
  localInitialTsn: number;
  /** Known from INIT ACK or COOKIE ECHO on. */
  terms: PeerTerms | undefined;
  /** Whom to tell that a cookie was "stale". */
  staleTag = 0;

  readonly #options: AssociationOptions;
  readonly #jar: CookieJar;
  #cookie: Uint8Array | undefined;
  #sendAtMs = Number.POSITIVE_INFINITY;
  #waitMs = FIRST_WAIT_MS;
  #sent = 0;
  /** The other side called a cookie of its own too old. */
  #wasStale = false;

  constructor(options: AssociationOptions) {
    this.#options = options;
    this.#jar = new CookieJar(options.random);
    this.localTag = this.#newTag();
    this.localInitialTsn = this.#newTsn();
  }

  get wakeAtMs(): number {
    return this.#sendAtMs;
  }

  connect(nowMs: number): void {
    this.phase = "cookie-wait";
    this.#restartTimer(nowMs);
  }

  /** INIT or COOKIE ECHO, when it is time to send it (again); "failed" when nobody answers. */
  due(nowMs: number): Chunk | "failed" | undefined {
    if (nowMs < this.#sendAtMs) return undefined;
    if (this.#sent > MOST_RETRANSMISSIONS) return "failed";
    this.#sent += 1;
    this.#sendAtMs = nowMs + this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, MOST_WAIT_MS);
    if (this.#cookie !== undefined) return { type: "cookie-echo", cookie: this.#cookie };
    const own = { tag: this.localTag, initialTsn: this.localInitialTsn };
    return ownInit("init", own, this.#options);
  }

  /** The INIT ACK to answer with, by the INIT's tag; sections 5.1 B, 5.2.1 and 5.2.2. */
  onInit(init: InitChunk, nowMs: number): InitChunk | undefined {
    if (!hasStreams(init)) return undefined;
    const isOpening = this.phase === "cookie-wait" || this.phase === "cookie-echoed";
    // 5.2.1: what our own INIT said. Otherwise new numbers, which only the cookie remembers.
    const own = isOpening
      ? { tag: this.localTag, initialTsn: this.localInitialTsn }
      : { tag: this.#newTag(), initialTsn: this.#newTsn() };
    const isEstablished = this.phase === "established";
    const cookie = this.#jar.seal({
      createdAtMs: nowMs,
      localTag: own.tag,
      localInitialTsn: own.initialTsn,
      terms: agree(init, this.#options),
      localTieTag: isEstablished ? this.localTag : 0,
      peerTieTag: isEstablished ? (this.terms?.tag ?? 0) : 0,
    });
    const unrecognized = reported(init.unrecognized);
    return { ...ownInit("init-ack", own, this.#options), cookie, unrecognized };
  }

  /** Section 5.1 C; in other states it is late (section 5.2.3). */
  onInitAck(ack: InitChunk, nowMs: number): InitAckOutcome {
    if (this.phase !== "cookie-wait") return "ignored";
    if (ack.cookie === undefined || !hasStreams(ack)) return "refused";
    if (ack.cookie.length > MOST_COOKIE_BYTES) return "refused";
    this.#cookie = ack.cookie.slice();
    this.terms = agree(ack, this.#options);
    this.phase = "cookie-echoed";
    this.#restartTimer(nowMs);
    return "accepted";
  }

  /** Sections 5.1.5 and 5.2.4. @param headerTag of the packet that brought it. */
  onCookieEcho(cookie: Uint8Array, headerTag: number, nowMs: number): CookieOutcome {
    const reading = this.#jar.open(cookie, nowMs);
    if (reading.kind === "forged" || reading.content.localTag !== headerTag) return "ignored";
    const { content } = reading;
    const isOwn = content.localTag === this.localTag && this.phase !== "closed";
    const isPeers = content.terms.tag === this.terms?.tag;
    // Action D needs no fresh cookie: both tags are known to be right (section 5.2.4, step 3).
    if (isOwn && isPeers) return this.#onKnownCookie();
    if (reading.kind === "stale") {
      this.staleTag = content.terms.tag;
      return "stale";
    }
    if (this.phase === "closed") return this.#adopt(content, "established");
    // Action B: both sent INIT at once.
    if (isOwn) {
      return this.phase === "established" ? "ignored" : this.#adopt(content, "established");
    }
    // Action A. In every other case, C among them, the cookie is late: discarded.
    if (!isPeers && this.#tiesMatch(content)) return this.#adopt(content, "restarted");
    return "ignored";
  }

  /** True when it is the one waited for (section 5.2.5). */
  onCookieAck(): boolean {
    if (this.phase !== "cookie-echoed") return false;
    this.#establish();
    return true;
  }

  /** Our cookie was too old: begin again (section 5.2.6). */
  onStaleCookie(nowMs: number): void {
    if (this.phase !== "cookie-echoed") return;
    this.phase = "cookie-wait";
    this.#cookie = undefined;
    this.terms = undefined;
    this.#wasStale = true;
    this.#waitMs = FIRST_WAIT_MS;
    this.#sendAtMs = nowMs;
  }

  close(): void {
    this.phase = "closed";
    this.#cookie = undefined;
    this.#sendAtMs = Number.POSITIVE_INFINITY;
  }

  #onKnownCookie(): CookieOutcome {
    if (this.phase === "established") return "repeated";
    this.#establish();
    return "established";
  }

  #tiesMatch(content: CookieContent): boolean {
    return content.localTieTag === this.localTag && content.peerTieTag === this.terms?.tag;
  }

  #adopt(content: CookieContent, outcome: CookieOutcome): CookieOutcome {
    this.localTag = content.localTag;
    this.localInitialTsn = content.localInitialTsn;
    this.terms = content.terms;
    this.#establish();
    return outcome;
  }

  #establish(): void {
    this.phase = "established";
    this.#cookie = undefined;
    this.#sendAtMs = Number.POSITIVE_INFINITY;
  }

  #restartTimer(nowMs: number): void {
    this.#sendAtMs = nowMs;
    this.#waitMs = FIRST_WAIT_MS;
    // Who calls each cookie stale makes us begin again and again: that must come to an end.
    if (!this.#wasStale) this.#sent = 0;
  }

  /** RFC 9260 section 5.3.1: unpredictable, and 0 means none. */
  #newTag(): number {
    return 1 + Math.floor(this.#options.random() * 0xffff_ffff);
  }

  #newTsn(): number {
    return Math.floor(this.#options.random() * 0x1_0000_0000);
  }
}

/** RFC 9260 section 3.2.1, as far as there is room; copied, for the packet they stand in is lent. */
function reported(unrecognized: readonly Uint8Array[]): Uint8Array[] {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for (const parameter of unrecognized) {
    bytes += parameter.length + 8;
    if (bytes > MOST_REPORTED_BYTES) break;
    kept.push(parameter.slice());
  }
  return kept;
}
