/**
 * An SDP for one data channel section and nothing else (RFC 8841, 8842, 8839): written, and read from
 * whatever the other side sent. Text in, values out: no sockets, no state.
 *
 * The reader takes what real engines write (attributes of the session or of the section, several
 * sections, old spellings) and is bounded: a hostile text costs one pass over at most 64 KiB.
 */

import { BeelineError } from "@beeline/protocol";

/** RFC 8842 section 5.1: who begins the DTLS handshake; `actpass` leaves it to the answerer. */
export type DtlsSetup = "actpass" | "active" | "passive";

export interface Fingerprint {
  /** As in the SDP, in lower case: `sha-256`. */
  readonly algorithm: string;
  /** Pairs of upper-case hex digits with colons. */
  readonly value: string;
}

export interface SessionDescription {
  readonly mid: string;
  readonly iceUfrag: string;
  readonly icePassword: string;
  readonly isIceLite: boolean;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: DtlsSetup;
  readonly sctpPort: number;
  /** 0 means any (RFC 8841 section 6.1). */
  readonly maxMessageBytes: number;
  /** The largest SCTP packet that the engine of this description is known to read whole. */
  readonly readablePacketBytes: number;
  /** Without `a=`: `candidate:…`. */
  readonly candidates: readonly string[];
  /** Every section of the text, in its order. */
  readonly sections: readonly Section[];
}

/** One `m=` line and the name of its section. */
export interface Section {
  readonly mid: string;
  readonly media: string;
  readonly protocol: string;
  readonly formats: string;
  /** The one that is ours: the first for a data channel. */
  readonly isOurs: boolean;
}

/** Real ones have 600 bytes; Chromium's with audio and video have 10 KB. */
const MAX_TEXT_BYTES = 64 * 1024;
/** A host with IPv6 and several networks offers some ten. */
const MAX_CANDIDATES = 64;
const MAX_FINGERPRINTS = 8;
/** RFC 8841 section 6.1: what it is when nothing is said. */
const DEFAULT_MAX_MESSAGE_BYTES = 65_536;
/** RFC 8831 section 5. */
const DEFAULT_SCTP_PORT = 5_000;

/**
 * Who reads decrypted datagrams into a buffer of its own size and not larger ones (Pion drops them,
 * aiortc lags behind by one from then on): Ethernet's size if nothing else is known.
 */
const DEFAULT_READABLE_BYTES = 1_460;
/** libwebrtc's kMaxDtlsPacketLen; it alone writes this line so, others have no space or a star. */
const LIBWEBRTC_READABLE_BYTES = 2_048;
const LIBWEBRTC_LINE = "a=msid-semantic: WMS";
/** Ours: what one DTLS record holds (RFC 5246 section 6.2.1). */
const OWN_READABLE_BYTES = 16_384;
const READABLE_ATTRIBUTE = "x-beeline-packet-size";

const UFRAG = /^[A-Za-z0-9+/=_-]{4,256}$/;
/** RFC 8839 section 5.4: 22 to 256 characters. */
const PASSWORD = /^[A-Za-z0-9+/=_-]{22,256}$/;
const FINGERPRINT = /^([a-z0-9-]{1,16}) ((?:[0-9a-f]{2}:){15,63}[0-9a-f]{2})$/i;
const MID = /^[!#$%&'*+.0-9A-Z^_`a-z{|}~-]{1,64}$/;
const MEDIA = /^m=([a-z]{1,16}) (\d{1,5})(?:\/\d+)? ([A-Za-z0-9/]{1,32}) ([^\r\n]{1,256})$/;

/** What we say of ourselves. */
export interface OwnDescription {
  /** Digits; the same in every description of one peer (RFC 8866 section 5.2). */
  readonly sessionId: string;
  readonly version: number;
  readonly mid: string;
  readonly iceUfrag: string;
  readonly icePassword: string;
  readonly fingerprint: Fingerprint;
  readonly setup: DtlsSetup;
  readonly sctpPort: number;
  readonly maxMessageBytes: number;
  /** Of the offer that is answered: those that are not ours are refused in their places. */
  readonly sections?: readonly Section[];
}

/** An offer, or an answer if `sections` are given. */
export function writeDescription(own: OwnDescription): string {
  const sections = own.sections ?? [ourHead(own.mid)];
  const lines = [
    "v=0",
    `o=- ${own.sessionId} ${own.version} IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    ...(own.mid === "" ? [] : [`a=group:BUNDLE ${own.mid}`]),
    "a=ice-options:trickle",
  ];
  for (const section of sections) {
    if (section.isOurs) lines.push(...ourSection(section, own));
    else lines.push(...refusedSection(section));
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** @throws {BeelineError} `MESSAGE_MALFORMED`, saying what is missing. */
export function readDescription(text: string): SessionDescription {
  if (text.length > MAX_TEXT_BYTES) throw malformed(`${text.length} characters are too many`);
  const { session, sections } = split(text);
  const ours = sections.find(({ head, port, lines }) => isDataSection(head, port, lines));
  if (ours === undefined) throw malformed("no section for a data channel over DTLS and SCTP");
  const find = (name: string): string | undefined =>
    attributes(ours.lines, name)[0] ?? attributes(session, name)[0];
  const findAll = (name: string): string[] => [
    ...attributes(ours.lines, name),
    ...attributes(session, name),
  ];
  return {
    mid: ours.head.mid,
    iceUfrag: required("ice-ufrag", find("ice-ufrag"), UFRAG),
    icePassword: required("ice-pwd", find("ice-pwd"), PASSWORD),
    isIceLite: session.includes("a=ice-lite"),
    fingerprints: readFingerprints(findAll("fingerprint")),
    setup: readSetup(find("setup")),
    sctpPort: readSctpPort(find("sctp-port"), ours.head),
    maxMessageBytes: readNumber(
      find("max-message-size"),
      DEFAULT_MAX_MESSAGE_BYTES,
      Number.MAX_SAFE_INTEGER,
    ),
    readablePacketBytes: readReadable(find(READABLE_ATTRIBUTE), session),
    candidates: attributes(ours.lines, "candidate")
      .slice(0, MAX_CANDIDATES)
      .map((value) => `candidate:${value}`),
    sections: sections.map((section) => ({ ...section.head, isOurs: section === ours })),
  };
}

/** Of an offer of ours. */
function ourHead(mid: string): Section {
  return {
    mid,
    media: "application",
    protocol: "UDP/DTLS/SCTP",
    formats: "webrtc-datachannel",
    isOurs: true,
  };
}

function ourSection(section: Section, own: OwnDescription): string[] {
  return [
    // 9 is discard: the addresses come as candidates (RFC 8840 section 4.1.1).
    `m=application 9 ${section.protocol} ${section.formats}`,
    "c=IN IP4 0.0.0.0",
    ...(own.mid === "" ? [] : [`a=mid:${own.mid}`]),
    `a=ice-ufrag:${own.iceUfrag}`,
    `a=ice-pwd:${own.icePassword}`,
    `a=fingerprint:${own.fingerprint.algorithm} ${own.fingerprint.value}`,
    `a=setup:${own.setup}`,
    `a=sctp-port:${own.sctpPort}`,
    `a=max-message-size:${own.maxMessageBytes}`,
    `a=${READABLE_ATTRIBUTE}:${OWN_READABLE_BYTES}`,
  ];
}

/** RFC 3264 section 6: port 0 refuses a section, which keeps its place. */
function refusedSection({ mid, media, protocol, formats }: Section): string[] {
  return [
    `m=${media} 0 ${protocol} ${formats}`,
    "c=IN IP4 0.0.0.0",
    "a=inactive",
    ...(mid === "" ? [] : [`a=mid:${mid}`]),
  ];
}

interface SectionText {
  readonly head: Section;
  readonly port: number;
  readonly lines: readonly string[];
}

function split(text: string): { session: string[]; sections: SectionText[] } {
  const session: string[] = [];
  const sections: { head: Section; port: number; lines: string[] }[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (!line.startsWith("m=")) {
      (sections.at(-1)?.lines ?? session).push(line);
      continue;
    }
    const [, media = "", port = "0", protocol = "", formats = ""] = MEDIA.exec(line) ?? [];
    const head = { mid: "", media, protocol, formats, isOurs: false };
    sections.push({ head, port: Number(port), lines: [] });
  }
  return {
    session,
    sections: sections.map(({ head, port, lines }) => {
      const [mid = ""] = attributes(lines, "mid");
      return { head: { ...head, mid: MID.test(mid) ? mid : "" }, port, lines };
    }),
  };
}

/** `DTLS/SCTP` with an `sctpmap` is how Firefox and old Chromium wrote it. */
function isDataSection(head: Section, port: number, lines: readonly string[]): boolean {
  return (
    head.media === "application" &&
    /^(UDP\/DTLS|TCP\/DTLS|DTLS)\/SCTP$/.test(head.protocol) &&
    (port !== 0 || lines.includes("a=bundle-only"))
  );
}

function attributes(lines: readonly string[], name: string): string[] {
  const prefix = `a=${name}:`;
  return lines
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

function required(name: string, value: string | undefined, form: RegExp): string {
  if (value === undefined) throw malformed(`a=${name} is missing`);
  if (!form.test(value)) throw malformed(`a=${name} is not what RFC 8839 allows`);
  return value;
}

function readFingerprints(values: readonly string[]): Fingerprint[] {
  const read = values.slice(0, MAX_FINGERPRINTS).flatMap((value) => {
    const [, algorithm, digits] = FINGERPRINT.exec(value) ?? [];
    if (algorithm === undefined || digits === undefined) return [];
    return [{ algorithm: algorithm.toLowerCase(), value: digits.toUpperCase() }];
  });
  if (read.length === 0) throw malformed("a=fingerprint is missing");
  return read;
}

/** RFC 8842 section 5.5: an answer without it is an old one, and active. */
function readSetup(value: string | undefined): DtlsSetup {
  if (value === undefined) return "active";
  if (value === "actpass" || value === "active" || value === "passive") return value;
  throw malformed("a=setup is none of actpass, active, passive");
}

function readReadable(value: string | undefined, session: readonly string[]): number {
  const isLibwebrtc = session.includes(LIBWEBRTC_LINE);
  const otherwise = isLibwebrtc ? LIBWEBRTC_READABLE_BYTES : DEFAULT_READABLE_BYTES;
  return readNumber(value, otherwise, OWN_READABLE_BYTES);
}

function readSctpPort(value: string | undefined, head: Section): number {
  const port = readNumber(value ?? /^\d{1,5}$/.exec(head.formats)?.[0], DEFAULT_SCTP_PORT, 65_535);
  if (port === 0) throw malformed("a=sctp-port:0 refuses the association");
  return port;
}

function readNumber(value: string | undefined, otherwise: number, most: number): number {
  if (value === undefined) return otherwise;
  if (!/^\d{1,20}$/.test(value)) throw malformed(`"${value.slice(0, 20)}" is no number`);
  return Math.min(Number(value), most);
}

function malformed(why: string): BeelineError {
  return new BeelineError("MESSAGE_MALFORMED", `the session description cannot be used: ${why}`);
}
