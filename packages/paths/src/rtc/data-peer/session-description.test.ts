import { describe, expect, test } from "vitest";
import { type OwnDescription, readDescription, writeDescription } from "./session-description.ts";
import { seededRandom } from "./testing/seeded-random.ts";

const OWN: OwnDescription = {
  sessionId: "4711",
  version: 1,
  mid: "0",
  iceUfrag: "abcd",
  icePassword: "0123456789012345678901",
  fingerprint: { algorithm: "sha-256", value: Array(32).fill("0A").join(":") },
  setup: "actpass",
  sctpPort: 5_000,
  maxMessageBytes: 262_144,
};

/** As Chromium 150 writes it for a page with a microphone and a data channel. */
const WITH_AUDIO = [
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 data",
  "a=ice-ufrag:sess",
  "a=ice-pwd:9999999999999999999999",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
  "c=IN IP4 0.0.0.0",
  "a=mid:0",
  "a=ice-ufrag:audi",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "c=IN IP4 0.0.0.0",
  "a=candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host",
  "a=mid:data",
  "a=ice-ufrag:data",
  "a=ice-pwd:0123456789012345678901",
  `a=fingerprint:SHA-256 ${Array(32).fill("ab").join(":")}`,
  "a=setup:actpass",
].join("\r\n");

/** As Firefox wrote it before it followed RFC 8841. */
const OLD_FIREFOX = [
  "v=0",
  "s=-",
  `a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`,
  "a=ice-lite",
  "m=application 9 DTLS/SCTP 5001",
  "a=sctpmap:5001 webrtc-datachannel 256",
  "a=mid:sdparta_0",
  "a=ice-ufrag:fire",
  "a=ice-pwd:0123456789012345678901",
  "a=max-message-size:1073741823",
].join("\n");

describe("a description", () => {
  test("is read as it was written", () => {
    const read = readDescription(writeDescription(OWN));
    expect(read).toMatchObject({
      mid: "0",
      iceUfrag: OWN.iceUfrag,
      icePassword: OWN.icePassword,
      isIceLite: false,
      fingerprints: [OWN.fingerprint],
      setup: "actpass",
      sctpPort: 5_000,
      maxMessageBytes: 262_144,
      candidates: [],
    });
  });

  test("of an answer refuses every section but ours, in its place", () => {
    const { sections, mid } = readDescription(WITH_AUDIO);
    const answer = writeDescription({ ...OWN, mid, sections, setup: "active" });
    expect(answer.match(/^[am]=(audio|application|mid).*$/gm)).toEqual([
      "m=audio 0 UDP/TLS/RTP/SAVPF 111 63",
      "a=mid:0",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
      "a=mid:data",
    ]);
    expect(answer).toContain("a=group:BUNDLE data\r\n");
  });

  test("is read with the section's attributes before the session's", () => {
    expect(readDescription(WITH_AUDIO)).toMatchObject({
      mid: "data",
      iceUfrag: "data",
      icePassword: "0123456789012345678901",
      fingerprints: [{ algorithm: "sha-256", value: Array(32).fill("AB").join(":") }],
      candidates: ["candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host"],
      maxMessageBytes: 65_536,
    });
  });

  test("in the old spelling is read, too", () => {
    expect(readDescription(OLD_FIREFOX)).toMatchObject({
      isIceLite: true,
      setup: "active",
      sctpPort: 5_001,
      maxMessageBytes: 1_073_741_823,
    });
  });
});

test.each([
  ["ours", writeDescription(OWN), 16_384],
  [
    "one that promises too much",
    `${writeDescription(OWN).replace(/packet-size:.*/, "packet-size:99999")}`,
    16_384,
  ],
  ["libwebrtc's", WITH_AUDIO.replace("t=0 0", "t=0 0\r\na=msid-semantic: WMS"), 2_048],
  ["any other", OLD_FIREFOX, 1_460],
])("the engine of %s description reads packets of its size", (_name, text, bytes) => {
  expect(readDescription(text).readablePacketBytes).toBe(bytes);
});

describe("a text that cannot be used is refused with the reason:", () => {
  const valid = writeDescription(OWN);
  test.each([
    ["nothing", "", "no section"],
    ["anything", "no such thing", "no section"],
    ["no data channel", valid.replace("m=application", "m=audio"), "no section"],
    ["a refused section", valid.replace("m=application 9", "m=application 0"), "no section"],
    ["no user", valid.replace(/a=ice-ufrag.*/, ""), "ice-ufrag is missing"],
    ["a user with a space", valid.replace("ufrag:abcd", "ufrag:ab cd"), "RFC 8839"],
    ["a short password", valid.replace(/a=ice-pwd.*/, "a=ice-pwd:short"), "RFC 8839"],
    ["no fingerprint", valid.replace(/a=fingerprint.*/, ""), "fingerprint is missing"],
    [
      "a fingerprint of three bytes",
      valid.replace(/(a=fingerprint:\S+).*/, "$1 0A:0B:0C"),
      "missing",
    ],
    ["a strange setup", valid.replace("actpass", "holdconn"), "a=setup"],
    ["port 0", valid.replace("sctp-port:5000", "sctp-port:0"), "refuses"],
    ["a port that is no number", valid.replace("sctp-port:5000", "sctp-port:0x1"), "no number"],
    ["a text without end", `${valid}${"a=x\r\n".repeat(20_000)}`, "too many"],
  ])("%s", (_name, text, reason) => {
    expect(() => readDescription(text)).toThrow(reason);
  });
});

test("candidates and fingerprints without end are cut off", () => {
  const many = writeDescription(OWN) + "a=candidate:x\r\n".repeat(1_000);
  expect(readDescription(many).candidates.length).toBe(64);
});

test.each([1, 2, 3])("mangled texts are read or refused, never anything else (seed %i)", (seed) => {
  const random = seededRandom(seed);
  const texts = [writeDescription(OWN), WITH_AUDIO, OLD_FIREFOX];
  for (let round = 0; round < 2_000; round += 1) {
    const characters = [...(texts[round % texts.length] ?? "")];
    for (let change = 0; change < 8; change += 1) {
      const at = Math.floor(random() * characters.length);
      if (random() < 0.5) characters.splice(at, Math.floor(random() * 40));
      else characters.splice(at, 0, String.fromCharCode(Math.floor(random() * 256)));
    }
    try {
      const read = readDescription(characters.join(""));
      const again = writeDescription({ ...OWN, mid: read.mid, sections: read.sections });
      // What they say of themselves must not become a line of ours.
      expect(again.match(/^a=ice-pwd:/gm)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(again).not.toMatch(/[^\r]\n|\r[^\n]/);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "MESSAGE_MALFORMED" });
    }
  }
});
