/** Requests of the other side by their numbers (RFC 6525 sections 5.2.1 and 5.2.2). */
import { describe, expect, test } from "vitest";
import type { ReconfigParameter } from "../wire/chunk.ts";
import { StreamReset } from "./stream-reset.ts";

const FIRST = 0xffff_ffff;
const PERFORMED = 1;
const BAD_SEQUENCE = 5;
const IN_PROGRESS = 6;

/** One that has received everything up to `receivedUpTo`. */
function listening(receivedUpTo: number) {
  const state = { receivedUpTo, resets: [] as (readonly number[])[] };
  const reset = new StreamReset({
    initialTsn: 1,
    peerInitialTsn: FIRST,
    isDrained: () => true,
    lastTsn: () => 0,
    isAcked: () => true,
    hasAllUpTo: (tsn) => tsn <= state.receivedUpTo,
    onIncoming: (streams) => void state.resets.push(streams),
    onOutgoing: () => undefined,
    onAsked: () => undefined,
  });
  /** What is answered to a request that the streams begin anew after `lastTsn`. */
  const ask = (request: number, lastTsn: number, streams: readonly number[]) => {
    const parameter = { kind: "outgoing-reset", request, response: 0, lastTsn, streams } as const;
    reset.onReconfig({ type: "reconfig", parameters: [parameter] }, 0, 1000);
    return answers();
  };
  const answers = (): ReconfigParameter[] => {
    const chunk = reset.due(0);
    return chunk === undefined || chunk === "failed" ? [] : [...chunk.parameters];
  };
  return { reset, state, ask, answers };
}

function answered(response: number, result: number): ReconfigParameter[] {
  return [{ kind: "response", response, result }];
}

describe("a request to begin streams anew", () => {
  test("that comes twice is done once and answered twice", () => {
    const { ask, state } = listening(10);
    expect(ask(FIRST, 10, [4])).toEqual(answered(FIRST, PERFORMED));
    expect(ask(FIRST, 10, [4])).toEqual(answered(FIRST, PERFORMED));
    expect(state.resets).toEqual([[4]]);
  });

  test("that leaves a number out is refused, and the one left out is done", () => {
    const { ask, state } = listening(10);
    expect(ask(FIRST, 10, [4])).toEqual(answered(FIRST, PERFORMED));
    expect(ask(1, 10, [6])).toEqual(answered(1, BAD_SEQUENCE));
    expect(ask(0, 10, [5])).toEqual(answered(0, PERFORMED));
    expect(state.resets).toEqual([[4], [5]]);
  });

  test("waits for the data before it, and is asked for again with the next number", () => {
    const { ask, answers, reset, state } = listening(10);
    expect(ask(FIRST, 12, [4])).toEqual(answered(FIRST, IN_PROGRESS));
    expect(ask(FIRST, 12, [4])).toEqual(answered(FIRST, IN_PROGRESS));
    expect(ask(0, 12, [4])).toEqual(answered(0, IN_PROGRESS));
    reset.onData();
    expect(answers()).toEqual([]);
    state.receivedUpTo = 12;
    reset.onData();
    expect(answers()).toEqual(answered(0, PERFORMED));
    reset.onData();
    expect(state.resets).toEqual([[4]]);
  });
});
