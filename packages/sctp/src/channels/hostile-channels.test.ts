import { describe, expect, test } from "vitest";
import { Random } from "../../../../test/support/sim-random.ts";
import type {
  AssociationEvent,
  SctpAssociation,
  SendOptions,
} from "../association/association-api.ts";
import { SctpError } from "../sctp-error.ts";
import type { ChannelEvent } from "./data-channel-api.ts";
import { DataChannels } from "./data-channels.ts";
import { encodeOpen, PROTOCOL_ID } from "./dcep.ts";
import { encodeUtf8 } from "./utf8.ts";

/**
 * An association in the hands of the other side: it says what happens, and when our resets are done.
 * Like the real one, it refuses to send on a stream that is being reset.
 */
class PuppetAssociation implements SctpAssociation {
  state: SctpAssociation["state"] = "connected";
  readonly wakeAtMs = Number.POSITIVE_INFINITY;
  readonly events: AssociationEvent[] = [];
  readonly sent: { readonly payload: Uint8Array; readonly options: SendOptions }[] = [];
  readonly resetting = new Set<number>();
  resets = 0;

  connect(): void {}
  receive(): void {}
  shutdown(): void {}
  abort(): void {}
  setPriority(): void {}
  setBufferedLowThreshold(): void {}
  nextPacket(): undefined {}

  nextEvent(): AssociationEvent | undefined {
    return this.events.shift();
  }

  bufferedBytes(): number {
    return 0;
  }

  send(payload: Uint8Array, options: SendOptions): void {
    if (this.resetting.has(options.streamId)) {
      throw new SctpError("no-such-stream", `Stream ${options.streamId} is being reset.`);
    }
    this.sent.push({ payload, options });
  }

  resetStreams(streams: readonly number[]): void {
    for (const streamId of streams) {
      if (!this.resetting.has(streamId)) this.resets += 1;
      this.resetting.add(streamId);
    }
  }

  message(streamId: number, protocolId: number, payload: Uint8Array): void {
    const message = { streamId, protocolId, isUnordered: false, payload };
    this.events.push({ kind: "message", message });
  }

  open(streamId: number, label = ""): void {
    const terms = { isOrdered: true, maxRetransmissions: undefined, lifetimeMs: undefined };
    const bytes = encodeOpen({ ...terms, priority: 0 }, encodeUtf8(label), encodeUtf8(""));
    this.message(streamId, PROTOCOL_ID.dcep, bytes);
  }

  /** The other side resets, and ours follows as the real association sees to. */
  incomingReset(...streams: number[]): void {
    this.events.push({ kind: "incoming-reset", streams });
    this.resetStreams(streams);
  }

  outgoingReset(isDone: boolean, ...streams: number[]): void {
    for (const streamId of streams) this.resetting.delete(streamId);
    this.events.push({ kind: "outgoing-reset", streams, isDone });
  }
}

function scene(maxChannels = 10) {
  const association = new PuppetAssociation();
  const channels = new DataChannels(association, { isDtlsClient: true, maxChannels });
  const events: ChannelEvent[] = [];
  /** What happened since the last time, as text. */
  const news = (): string[] => {
    const texts: string[] = [];
    for (;;) {
      const event = channels.nextEvent(0);
      if (event === undefined) return texts;
      events.push(event);
      if (event.kind === "ended") texts.push("ended");
      else if (event.kind !== "message") texts.push(`${event.kind} ${event.channel.label}`);
      else texts.push(`${event.channel.label}: ${Buffer.from(event.payload)}`);
    }
  };
  return { association, channels, news };
}

const TEXT = new TextEncoder().encode("text");

describe("what belongs to no channel", () => {
  test.each([
    ["a message", PROTOCOL_ID.binary, TEXT],
    ["an acknowledgement", PROTOCOL_ID.dcep, Uint8Array.of(2)],
    ["an announcement that says nothing", PROTOCOL_ID.dcep, Uint8Array.of(3, 0)],
    ["nothing at all", PROTOCOL_ID.dcep, new Uint8Array(0)],
  ])("has its stream reset, once for all until that is done: %s", (_what, protocolId, payload) => {
    const { association, news } = scene();
    for (let count = 0; count < 100; count += 1) association.message(8, protocolId, payload);
    expect(news()).toEqual([]);
    expect(association.resets).toBe(1);
    association.outgoingReset(true, 8);
    association.message(8, protocolId, payload);
    expect(news()).toEqual([]);
    expect(association.resets).toBe(2);
    expect(association.sent).toEqual([]);
  });

  test("does not keep its id from a channel that is opened while it is refused", () => {
    const { association, news } = scene();
    association.message(8, PROTOCOL_ID.binary, TEXT);
    association.open(8, "next");
    association.message(8, PROTOCOL_ID.text, TEXT);
    expect(news()).toEqual([]);
    association.outgoingReset(true, 8);
    expect(news()).toEqual(["channel next", "next: text"]);
  });
});

describe("a channel is closed by", () => {
  test.each([
    ["a second announcement", PROTOCOL_ID.dcep, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["an announcement that says nothing", PROTOCOL_ID.dcep, Uint8Array.of(77)],
    ["an unknown protocol", 99, TEXT],
    ["a part of a message, as nobody sends them any more", 52, TEXT],
  ])("%s", (_what, protocolId, payload) => {
    const { association, news } = scene();
    association.open(1, "theirs");
    association.message(1, protocolId, payload);
    association.message(1, PROTOCOL_ID.text, TEXT);
    expect(news()).toEqual(["channel theirs", "closing theirs"]);
    expect(association.resetting).toEqual(new Set([1]));
    association.outgoingReset(true, 1);
    expect(news()).toEqual([]);
    association.events.push({ kind: "incoming-reset", streams: [1] });
    expect(news()).toEqual(["closed theirs"]);
  });

  test("a reset of all streams", () => {
    const { association, channels, news } = scene();
    channels.open({ label: "a" }, 0);
    association.open(1, "b");
    association.events.push({ kind: "incoming-reset", streams: [] });
    expect(news()).toEqual(["open a", "channel b", "closing a", "closing b"]);
    expect(association.resetting).toEqual(new Set([0, 1]));
    association.outgoingReset(true, 0, 1);
    expect(news()).toEqual(["closed a", "closed b"]);
  });

  test("a reset that the other side refuses, and its id is not used again", () => {
    const { association, channels, news } = scene();
    const channel = channels.open({ label: "a" }, 0);
    channel.close(0);
    association.outgoingReset(false, 0);
    expect(news()).toEqual(["open a", "closing a", "closed a"]);
    expect(channels.open({ label: "b" }, 0).id).toBe(2);
    association.open(0, "theirs");
    expect(news()).toEqual(["open b"]);
  });

  test("the other side's new beginning, and its id is free", () => {
    const { association, channels, news } = scene();
    channels.open({ label: "a" }, 0);
    association.events.push({ kind: "restarted" }, { kind: "connected" });
    expect(news()).toEqual(["open a", "closed a"]);
    expect(channels.open({ label: "b" }, 0).id).toBe(0);
  });
});

describe("a channel that is opened before the last one of its id is quite closed", () => {
  test("opens when it is", () => {
    const { association, news } = scene();
    association.open(1, "old");
    expect(news()).toEqual(["channel old"]);
    association.incomingReset(1);
    // The other side has answered our reset, but the answer was lost.
    association.open(1, "new");
    association.message(1, PROTOCOL_ID.text, TEXT);
    expect(news()).toEqual(["closing old"]);
    association.outgoingReset(true, 1);
    expect(news()).toEqual(["closed old", "channel new", "new: text"]);
  });

  test("is refused when too much comes before that", () => {
    const { association, news } = scene();
    association.open(1, "old");
    expect(news()).toEqual(["channel old"]);
    association.incomingReset(1);
    association.open(1, "new");
    const payload = new Uint8Array(1_000);
    for (let count = 0; count < 5_000; count += 1) {
      association.message(1, PROTOCOL_ID.binary, payload);
    }
    expect(news()).toEqual(["closing old"]);
    association.outgoingReset(true, 1);
    expect(news()).toEqual(["closed old"]);
    expect(association.resetting).toEqual(new Set([1]));
  });
});

describe("the other side opens", () => {
  test("no more channels than are allowed", () => {
    const { association, channels, news } = scene(10);
    for (let id = 1; id < 2_000; id += 2) association.open(id);
    expect(news()).toHaveLength(10);
    expect(association.resets).toBe(990);
    expect(() => channels.open({ label: "" }, 0)).toThrow(
      expect.objectContaining({ code: "too-many-channels" }),
    );
  });

  test("no channels whose names fill the memory", () => {
    const { association, news } = scene(10_000);
    const label = "x".repeat(60_000);
    for (let id = 0; id < 1_000; id += 1) association.open(id, label);
    expect(news()).toHaveLength(17);
    // Closed, they leave room for others.
    association.incomingReset(0, 1);
    association.outgoingReset(true, 0, 1);
    association.open(0, label);
    association.open(1, label);
    association.open(2_000, label);
    expect(news().filter((text) => text.startsWith("channel"))).toHaveLength(2);
  });

  test("a channel of this side's parity, if its id is free", () => {
    const { association, channels, news } = scene();
    association.open(0, "odd one");
    expect(news()).toEqual(["channel odd one"]);
    expect(channels.open({ label: "" }, 0).id).toBe(2);
  });

  test("none that we cannot answer", () => {
    const { association, news } = scene();
    association.resetting.add(5);
    association.open(5, "early");
    expect(news()).toEqual([]);
  });
});

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  "anything in any order leaves a state that closes, seed %i",
  (seed) => {
    const random = new Random(seed);
    const { association, channels, news } = scene(6);
    const opened = new Set<ReturnType<typeof channels.open>>();
    for (let step = 0; step < 2_000; step += 1) {
      const id = random.whole(0, 8);
      const choices: readonly (() => void)[] = [
        () => association.open(id),
        () => association.message(id, random.pick([50, 51, 53, 56, 57, 99]), random.bytes(3)),
        () => association.incomingReset(id),
        () => {
          if (association.resetting.has(id)) association.outgoingReset(random.chance(0.99), id);
        },
        () => {
          try {
            opened.add(channels.open({ label: `${step}` }, 0));
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(SctpError);
          }
        },
        () => random.pick([...opened])?.close(0),
      ];
      random.pick(choices)();
      if (random.chance(0.5)) news();
    }
    association.events.push({ kind: "closed", reason: "aborted" });
    association.state = "closed";
    expect(news().at(-1)).toBe("ended");
    for (const channel of opened) expect(channel.state).toBe("closed");
  },
);
