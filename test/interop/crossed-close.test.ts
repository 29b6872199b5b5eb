/**
 * A send that crosses the other side's close, for every engine of Node: the end has arrived, and the
 * engine tells it a turn later. Whoever sends in between hears what a sender can live with.
 */
import dgram from "node:dgram";
import { type CreateRtcPeer, loadSimplePeer } from "@beeline/paths";
import { createAnsweringDataPeer, createDataPeer } from "@beeline/paths/data-peer";
import { createWeriftPeer } from "@beeline/paths/werift";
import { MAX_RECORD_BYTES } from "@beeline/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { LocalRtcEnd } from "../support/rtc-end.ts";
import { carrySignals, type RtcPair } from "../support/rtc-signals.ts";

const OPEN_MS = 8_000;
const CLOSE_MS = 4_000;

const createSimplePeer = await loadSimplePeer();
if (createSimplePeer === undefined) throw new Error("type: npm install @roamhq/wrtc");

const ENGINES: [string, CreateRtcPeer, CreateRtcPeer][] = [
  ["two data peers", createDataPeer, createAnsweringDataPeer],
  ["a data peer and wrtc", createDataPeer, createSimplePeer],
  ["werift and a data peer", createWeriftPeer, createAnsweringDataPeer],
  ["werift and wrtc", createWeriftPeer, createSimplePeer],
];

async function startPair(offerer: CreateRtcPeer, answerer: CreateRtcPeer): Promise<RtcPair> {
  const pair = { offerer: new LocalRtcEnd(offerer), answerer: new LocalRtcEnd(answerer) };
  onTestFinished(async () => {
    await Promise.all([pair.offerer.close(), pair.answerer.close()]);
  });
  await Promise.all(Object.values(pair).map((end) => end.start({ iceServers: [] })));
  return pair;
}

/** Right after each datagram that arrives in this process, before the turn of the loop ends. */
function afterEveryDatagram(act: () => void): void {
  const emit = dgram.Socket.prototype.emit;
  const spy = vi.spyOn(dgram.Socket.prototype, "emit");
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(function (this: dgram.Socket, ...values) {
    const isHeard = Reflect.apply(emit, this, values);
    if (values[0] === "message") act();
    return isHeard;
  });
}

test.each(ENGINES)("%s: a send that crosses the close is refused as closed", async (_, a, b) => {
  const pair = await startPair(a, b);
  carrySignals(pair).catch(() => {});
  await Promise.all([pair.offerer.heard("open", OPEN_MS), pair.answerer.heard("open", OPEN_MS)]);
  const codes = new Set<string>();
  afterEveryDatagram(() => void pair.offerer.trySend(100).then((code) => codes.add(code)));
  await pair.answerer.close();
  await pair.offerer.heard("close: channel-closed", CLOSE_MS);
  expect(await pair.offerer.trySend(100)).toBe("SESSION_CLOSED");
  // At least one crossed it: the datagram that closed.
  expect(codes.size).toBeGreaterThan(0);
  expect(["sent", "SESSION_CLOSED"]).toEqual(expect.arrayContaining([...codes]));
});

test("a channel to one that takes less than a record is closed, and the sender told", async () => {
  const { offerer, answerer } = await startPair(createDataPeer, createAnsweringDataPeer);
  await answerer.accept(await offerer.takeSignals());
  const answer = await answerer.takeSignals();
  await offerer.accept(
    answer.map((signal) =>
      signal.kind === "candidate"
        ? signal
        : { ...signal, sdp: signal.sdp.replace(/max-message-size:\d+/, "max-message-size:1200") },
    ),
  );
  carrySignals({ offerer, answerer }).catch(() => {});
  await offerer.heard("open", OPEN_MS);
  expect(await offerer.trySend(1_200)).toBe("sent");
  expect(await offerer.trySend(MAX_RECORD_BYTES)).toBe("SESSION_CLOSED");
  await offerer.heard("close: channel-closed", CLOSE_MS);
});
