import type { CreateRtcPeer, RtcHandlers } from "@beeline/paths";
import { ATTEMPT_TIMEOUT_MS } from "@beeline/protocol";
import { expect, test } from "vitest";
import { DirectAnswerer } from "./direct-answerer.ts";

/** An answerer whose peers and time the test holds by the hand. */
function startAnswerer() {
  const peers: RtcHandlers[] = [];
  const createPeer: CreateRtcPeer = (_options, handlers) => {
    peers.push(handlers);
    return {
      bufferedBytes: 0,
      isSelfPaced: false,
      accept: () => {},
      send: () => {},
      close: () => {},
    };
  };
  const timers = new Map<object, { readonly delayMs: number; readonly callback: () => void }>();
  const clock = {
    nowMs: () => 0,
    after: (delayMs: number, callback: () => void) => {
      const timer = { delayMs, callback };
      timers.set(timer, timer);
      return () => void timers.delete(timer);
    },
  };
  const sessionId = "session";
  const answerer = new DirectAnswerer(
    { sessionId, createPeer, iceServers: [], isAllowed: true, clock },
    {
      send: () => {},
      onOpen: () => {},
      onRecord: () => {},
      onWritable: () => {},
      onClose: () => {},
      onChange: () => {},
    },
  );
  const offer = (generation: number): RtcHandlers => {
    answerer.onSignal({ kind: "offer", sessionId, generation, sdp: "offer" });
    return peers.at(-1) as RtcHandlers;
  };
  return { answerer, offer, timers };
}

test("an attempt that found no route has failed when its time is over", () => {
  const { answerer, offer, timers } = startAnswerer();
  offer(1);
  expect(answerer.reason).toBe("connecting");
  const [deadline] = timers.values();
  expect(deadline?.delayMs).toBe(ATTEMPT_TIMEOUT_MS);
  deadline?.callback();
  expect(answerer.reason).toBe("ice-failed");
  expect(answerer.attempts).toMatchObject([{ outcome: "failed", reason: "ice-failed" }]);
});

test("the next attempt does not hide why the one before failed, an open channel does", () => {
  const { answerer, offer, timers } = startAnswerer();
  offer(1).onPhase("connected");
  const second = offer(2);
  expect(answerer.reason).toBe("dtls-failed");
  expect(answerer.attempts).toMatchObject([{ reason: "dtls-failed" }, { outcome: "connecting" }]);
  second.onOpen();
  expect(answerer.reason).toBe("open");
  expect(timers.size, "deadlines of attempts that are over").toBe(0);
  second.onClose("went-dark");
  offer(3);
  expect(answerer.reason).toBe("went-dark");
});

test("switched off and on again, direct starts with a clean slate", () => {
  const { answerer, offer } = startAnswerer();
  offer(1).onClose("ice-failed");
  answerer.allow(false);
  expect(answerer.reason).toBe("disabled-here");
  answerer.allow(true);
  expect(answerer.reason).toBe("not-tried");
  offer(2);
  expect(answerer.reason).toBe("connecting");
});
