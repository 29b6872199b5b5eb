/**
 * What packages/paths/src/rtc/rtc-peer.ts promises, as one suite for every engine.
 *
 * An engine that cannot keep a promise says so, with its reason, in {@link Exceptions}; everything
 * else holds for all of them. Nothing here knows which engine it tests.
 */
import { CHANNEL_BUFFER_BYTES } from "@beeline/paths";
import { MAX_RECORD_BYTES } from "@beeline/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { carryCandidatesFirst, carrySignals, type RtcPair } from "../support/rtc-signals.ts";

/** Each is the reason why a promise is not asked of this pair. */
export interface Exceptions {
  /** Its signals have no order to mix up. */
  readonly noCandidates?: string;
  /** What the answerer says of its buffer cannot be relied upon. */
  readonly answererBuffer?: string;
  /** It delivers past what was lost, and on a busy machine a socket's buffer loses some. */
  readonly reorders?: string;
}

/** A fresh connection on one machine takes 0.3 s; with both cores busy, ten times that. */
const OPEN_MS = 8_000;
/** Closing is told by a message, not found out by silence, which takes WebRTC 17 s and more. */
const CLOSE_MS = 4_000;
const TRANSFER_MS = 20_000;

/** Filled record for record like a picture: more than any engine buffers. */
const MANY = 320;
const PHASES = ["signaled", "checking", "connected", "secured"];

type Side = keyof RtcPair;

/** @param createPair makes two ends that are not started; the suite closes them. */
export function rtcContract(
  engines: string,
  createPair: () => Promise<RtcPair>,
  exceptions: Exceptions = {},
): void {
  const startPair = async (): Promise<RtcPair> => {
    const pair = await createPair();
    onTestFinished(async () => {
      await Promise.all([pair.offerer.close(), pair.answerer.close()]);
    });
    await Promise.all([
      pair.answerer.start({ iceServers: [] }),
      pair.offerer.start({ iceServers: [] }),
    ]);
    return pair;
  };

  const openPair = async (carry = carrySignals): Promise<RtcPair> => {
    const pair = await startPair();
    const carrying = carry(pair);
    const opening = [pair.offerer.heard("open", OPEN_MS), pair.answerer.heard("open", OPEN_MS)];
    await Promise.race([Promise.all(opening), carrying]);
    await Promise.all(opening);
    return pair;
  };

  describe(`${engines} keep the promises of an RtcPeer:`, () => {
    test("a pair opens, once, and reports each phase once and in order", async () => {
      const pair = await openPair();
      await pair.offerer.sendMany(0, 10, 100);
      await pair.answerer.sendMany(0, 10, 100);
      await Promise.all([
        pair.offerer.received(10, TRANSFER_MS),
        pair.answerer.received(10, TRANSFER_MS),
      ]);
      for (const side of bothSides()) {
        const { events: all } = await pair[side].story();
        const events = all.filter((event) => event !== "writable");
        const phases = events.slice(0, -1);
        expect(events.at(-1)).toBe("open");
        expect(phases).toEqual(PHASES.filter((phase) => phases.includes(phase)));
        // On one machine wrtc may be connected before it says that it checks.
        const told =
          side === "offerer" ? ["signaled", "checking", "connected"] : ["signaled", "connected"];
        expect(phases).toEqual(expect.arrayContaining(told));
      }
    });

    if (exceptions.noCandidates === undefined) {
      test("candidates may come before the description they belong to", async () => {
        await openPair(carryCandidatesFirst);
      });
    }

    const inOrder = exceptions.reorders === undefined;
    test(`messages arrive whole${inOrder ? " and in order" : ""}, both ways at once`, async () => {
      const { offerer, answerer } = await openPair();
      await Promise.all([
        offerer.sendMany(0, MANY, MAX_RECORD_BYTES),
        answerer.sendMany(0, MANY, MAX_RECORD_BYTES),
        offerer.received(MANY, TRANSFER_MS),
        answerer.received(MANY, TRANSFER_MS),
      ]);
      for (const side of [offerer, answerer]) {
        const { messages, bytes, damaged, misplaced } = await side.story();
        if (inOrder) expect(misplaced).toBe(0);
        expect({ messages, bytes, damaged }).toEqual({
          messages: MANY,
          bytes: MANY * MAX_RECORD_BYTES,
          damaged: [],
        });
      }
    });

    test("messages of every size keep their borders", async () => {
      const { offerer, answerer } = await openPair();
      const sizes = [1, 2, 1_199, 1_200, 1_201, MAX_RECORD_BYTES - 1, MAX_RECORD_BYTES];
      for (const [number, bytes] of sizes.entries()) {
        await offerer.sendMany(number, 1, bytes);
        await answerer.sendMany(number, 1, bytes);
      }
      for (const side of [offerer, answerer]) {
        await side.received(sizes.length, TRANSFER_MS);
        const { messages, damaged } = await side.story();
        expect({ messages, damaged }).toEqual({ messages: sizes.length, damaged: [] });
      }
    });

    test.each(bothSides())("%s refuses an empty or too long message and goes on", async (side) => {
      const pair = await openPair();
      expect(await pair[side].trySend(0)).toBe("LIMIT_EXCEEDED");
      expect(await pair[side].trySend(MAX_RECORD_BYTES + 1)).toBe("LIMIT_EXCEEDED");
      await pair[side].sendMany(0, 3, 1_000);
      await pair[other(side)].received(3, TRANSFER_MS);
      const { messages, damaged } = await pair[other(side)].story();
      expect({ messages, damaged }).toEqual({ messages: 3, damaged: [] });
    });

    test.each(bothSides())(
      "%s sends nothing before it is open and after it closed",
      async (side) => {
        const pair = await startPair();
        expect(await pair[side].trySend(10)).toBe("SESSION_CLOSED");
        await pair[side].close();
        expect(await pair[side].trySend(10)).toBe("SESSION_CLOSED");
      },
    );

    const counted = exceptions.answererBuffer === undefined ? bothSides() : ["offerer" as const];
    test.each(counted)("%s counts what is buffered and tells when there is room", async (side) => {
      const pair = await openPair();
      const sent = await pair[side].fill(0, MAX_RECORD_BYTES);
      expect(sent).toBeGreaterThan(1);
      await pair[side].heard("writable", TRANSFER_MS);
      await pair[other(side)].received(sent, TRANSFER_MS);
      const story = await pair[side].story();
      expect(story.mostBuffered).toBeGreaterThanOrEqual(CHANNEL_BUFFER_BYTES);
      expect(story.buffered).toBeLessThan(CHANNEL_BUFFER_BYTES);
    });

    test.each(bothSides())("%s closes: the other end closes, once", async (side) => {
      const pair = await openPair();
      await pair[side].close();
      await pair[other(side)].heard("close", CLOSE_MS);
      await pair[side].close();
      expect(closings((await pair[other(side)].story()).events)).toEqual(["close: channel-closed"]);
      expect(closings((await pair[side].story()).events)).toEqual([]);
      expect(await pair[other(side)].trySend(10)).toBe("SESSION_CLOSED");
    });

    test.each(bothSides())("%s closes at any time before it opens, unheard", async (side) => {
      const pair = await startPair();
      await pair.answerer.accept(await pair.offerer.takeSignals());
      const late = await pair.answerer.takeSignals();
      await pair[side].close();
      await pair[side].accept(side === "offerer" ? late : [{ kind: "offer", sdp: "late" }]);
      expect(closings((await pair[side].story()).events)).toEqual([]);
    });

    test.each([
      ["offerer", "answer"],
      ["answerer", "offer"],
    ] as const)("%s ends the attempt, once, over an unreadable %s", async (side, kind) => {
      const pair = await startPair();
      if (side === "offerer") await pair.offerer.takeSignals();
      await pair[side].accept([
        { kind, sdp: "no such thing" },
        { kind, sdp: "again" },
      ]);
      await pair[side].heard("close", CLOSE_MS);
      expect(closings((await pair[side].story()).events)).toEqual(["close: ice-failed"]);
    });
  });
}

function bothSides(): Side[] {
  return ["offerer", "answerer"];
}

function other(side: Side): Side {
  return side === "offerer" ? "answerer" : "offerer";
}

function closings(events: readonly string[]): string[] {
  return events.filter((event) => event.startsWith("close"));
}
