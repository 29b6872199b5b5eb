import type { CreateRtcPeer, RtcHandlers, RtcOptions } from "@beeline/paths";
import type { IceServer } from "@beeline/protocol";
import { expect, test } from "vitest";
import { DirectDialer } from "./direct-dialer.ts";

/** A dialer whose peers and time the test holds by the hand. */
function startDialer(iceServers: readonly IceServer[] = []) {
  const dialed: { handlers: RtcHandlers; options: RtcOptions; isClosed: boolean }[] = [];
  const createPeer: CreateRtcPeer = (options, handlers) => {
    const peer = { handlers, options, isClosed: false };
    dialed.push(peer);
    return {
      bufferedBytes: 0,
      isSelfPaced: false,
      accept: () => {},
      send: () => {},
      close: () => {
        peer.isClosed = true;
      },
    };
  };
  let wake = (): void => {};
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    after: (delayMs: number, callback: () => void) => {
      wake = () => {
        nowMs += delayMs;
        callback();
      };
      return () => {
        wake = () => {};
      };
    },
  };
  const closed: number[] = [];
  const dialer = new DirectDialer(
    { sessionId: "session", createPeer, clock, iceServers: () => iceServers },
    {
      send: () => {},
      onOpen: () => {},
      onRecord: () => {},
      onWritable: () => {},
      onClose: (path) => closed.push(path.id.generation),
      onAttempt: () => {},
    },
  );
  return { dialer, dialed, closed, runTimer: () => wake() };
}

test("an attempt that failed is followed by another while the client is in the room", () => {
  const { dialer, dialed, runTimer } = startDialer();
  dialer.setPeer(true);
  dialed[0]?.handlers.onClose("ice-failed");
  runTimer();
  expect(dialed).toHaveLength(2);
});

test("a client that left the room is not dialed, and is again when it comes back", () => {
  const { dialer, dialed, runTimer } = startDialer();
  dialer.setPeer(true);
  dialer.setPeer(false);
  expect(dialed[0]?.isClosed).toBe(true);
  runTimer();
  expect(dialed).toHaveLength(1);
  dialer.setPeer(true);
  expect(dialed).toHaveLength(2);
});

test("an open channel outlives the client's place in the room, and is not replaced once it closes", () => {
  const { dialer, dialed, closed, runTimer } = startDialer();
  dialer.setPeer(true);
  dialed[0]?.handlers.onOpen();
  dialer.setPeer(false);
  expect(dialed[0]?.isClosed).toBe(false);
  dialed[0]?.handlers.onClose("channel-closed");
  expect(closed).toEqual([1]);
  runTimer();
  expect(dialed).toHaveLength(1);
});

test("where UDP is blocked, the attempt after a failed one begins with TURN over TCP", () => {
  const urls = ["turn:turn:3478?transport=udp", "turn:turn:3478?transport=tcp"];
  const { dialer, dialed, runTimer } = startDialer([{ urls }]);
  dialer.setPeer(true);
  dialed[0]?.handlers.onClose("ice-failed");
  runTimer();
  const firsts = dialed.map(({ options }) => options.iceServers[0]?.urls);
  expect(firsts).toEqual(urls);
});
