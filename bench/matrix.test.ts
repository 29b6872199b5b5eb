import { describe, expect, test } from "vitest";
import { type MatrixResult, runMatrix } from "./matrix.ts";
import type { Task } from "./plan.ts";
import type { Cell } from "./report/result-schema.ts";
import { situationOf } from "./situations.ts";
import type { BenchBrowser } from "./stage/browser.ts";
import { CALM_LIMIT_MS, LOOK_EVERY_MS } from "./stage/calm.ts";
import type { Seat, Stage } from "./stage/stage.ts";
import type { Connection, Subject } from "./subjects/subject.ts";

const SITUATION = situationOf("home-uplink");
const DOWN = { bytes: 8_000_000, direction: "down" } as const;
const QUIET = { packets: 0, bytes: 0, queueDrops: 0, randomDrops: 0, burstDrops: 0, cutDrops: 0 };

/** Links that are busy for as many looks after each turn as they are told. */
class Links {
  readonly #busyLooks: number;
  readonly #isQueueing: boolean;
  #left = 0;
  #packets = 0;
  looks = 0;

  constructor(busyLooks: number, isQueueing = false) {
    this.#busyLooks = busyLooks;
    this.#isQueueing = isQueueing;
  }

  /** Somebody has left something under way. */
  disturb(): void {
    this.#left = this.#busyLooks;
  }

  counters: NonNullable<Stage["links"]>["counters"] = async (place) => {
    const isBusy = this.#left > 0;
    if (place === "server") {
      this.looks += 1;
      if (isBusy) this.#left -= 1;
    }
    if (isBusy && !this.#isQueueing) this.#packets += 1;
    const queuedBytes = isBusy && this.#isQueueing ? 1500 : 0;
    const way = { ...QUIET, packets: this.#packets, queueMaxBytes: 0, queuedBytes };
    return { up: way, down: way };
  };
}

function stageWith(links: Links): Stage {
  const seat = {} as Seat;
  return {
    situation: SITUATION,
    seats: { page: seat, home: seat, server: seat },
    iceServers: [],
    turnPids: [],
    withCongestionControl: (_control, connect) => connect(),
    links: { reshape: async () => {}, counters: links.counters, unread: () => 0 },
    close: async () => {},
  };
}

/** Does everything at once, but for what is given. */
function subject(open: () => Promise<Partial<Connection>>): Subject {
  const whole: Connection = {
    join: { "first answer": 1 },
    roundTrips: async () => [1],
    busyRoundTrips: async () => [1],
    transfer: async (bytes) => ({ isDone: true, ms: 10, bytes, previewMs: 1 }),
    close: async () => {},
  };
  return {
    ...{ id: "somebody", name: "Somebody", isYardstick: false, ends: "none", versions: {} },
    ...{ measuresJoin: true, unfit: () => undefined },
    prepare: async () => ({
      processes: { page: [process.pid] },
      open: async () => ({ ...whole, ...(await open()) }),
      close: async () => {},
    }),
  };
}

async function played(
  links: Links,
  given: Subject,
  rounds: number,
  pause: () => void = () => {},
  more: Task["more"] = [],
): Promise<MatrixResult> {
  const task = { subject: given.id, errands: [DOWN], more, idleRoundTrips: 1, busyMs: 1 };
  const scene = {
    situation: SITUATION,
    openStage: async () => stageWith(links),
    openBrowser: async () => ({ close: async () => {} }) as BenchBrowser,
    casts: [{ subject: given, task }],
  };
  return await runMatrix([scene], {
    ...{ rounds, seed: 1, endsAtMs: Number.POSITIVE_INFINITY },
    pause: async () => pause(),
    onProgress: () => {},
  });
}

describe("a turn", () => {
  test("asks under bulk when everybody has carried the same, and the rest on another connection", async () => {
    const done: string[] = [];
    const given = subject(async () => {
      done.push("open");
      return {
        transfer: async (bytes, direction) => {
          done.push(`${bytes / 1e6} ${direction}`);
          return { isDone: true, ms: 10, bytes };
        },
        busyRoundTrips: async () => {
          done.push("bulk");
          return [1];
        },
        close: async () => void done.push("close"),
      };
    });
    await played(new Links(0), given, 1, () => {}, [{ bytes: 500_000, direction: "down" }]);
    expect(done).toEqual(["open", "8 down", "bulk", "close", "open", "0.5 down", "close"]);
  });

  test("that fails leaves its failure in every cell that it should have had a value in", async () => {
    let opened = 0;
    const given = subject(async () => {
      opened += 1;
      if (opened === 2) throw new Error("no way");
      if (opened > 2) return { busyRoundTrips: () => Promise.reject(new Error("no answer")) };
      return { join: { "first answer": 1, "direct open": 2 } };
    });
    const { cells } = await played(new Links(0), given, 3);
    const told = cells.map(({ question, part, samples }) => [
      `${question} ${part}`,
      samples.map(({ value, failed }) => failed ?? value),
    ]);
    expect(Object.fromEntries(told)).toEqual({
      "join first answer": [1, "no way", 1],
      "join direct open": [2, "no way"],
      "round-trip idle": [1, "no way", 1],
      "transfer whole": [10, "no way", 10],
      "preview first": [1, "no way", 1],
      "round-trip under bulk": [1, "no way", "no answer"],
      ...{ "cpu page": expect.any(Array), "memory page": expect.any(Array) },
    });
    const cpu = cells.find(({ question }) => question === "cpu");
    expect(cpu?.samples.map(({ round, failed }) => [round, failed])).toEqual([
      [0, undefined],
      [1, "no way"],
      [2, undefined],
    ]);
  });

  test.each([
    ["delivering", false],
    ["holding something back", true],
  ])(
    "does not begin while links are still %s what an earlier one has left",
    async (_, isQueueing) => {
      const busyLooks = 40;
      const links = new Links(busyLooks, isQueueing);
      const looksBefore: number[] = [];
      const given = subject(async () => {
        looksBefore.push(links.looks);
        links.looks = 0;
        return { close: async () => links.disturb() };
      });
      const { troubles } = await played(links, given, 2);
      const [first = 0, second = 0] = looksBefore;
      expect(first).toBeGreaterThan(1);
      expect(second).toBeGreaterThan(busyLooks);
      expect(troubles).toEqual([]);
    },
  );

  test("begins all the same when the links never rest, and that is written down", async () => {
    const links = new Links(Number.POSITIVE_INFINITY);
    links.disturb();
    let pauses = 0;
    const { cells, troubles } = await played(
      links,
      subject(async () => ({})),
      1,
      () => {
        pauses += 1;
      },
    );
    expect(pauses).toBe(CALM_LIMIT_MS / LOOK_EVERY_MS);
    expect(troubles).toEqual([
      {
        what: "20 Mbit/s home uplink: Somebody in round 1",
        why: "the links were still busy after 25 s",
      },
    ]);
    expect(cells.some(({ question }: Cell) => question === "transfer")).toBe(true);
  });
});
