import { expect, onTestFinished, test } from "vitest";
import type { OpenOptions } from "../ends/asker.ts";
import { openFirstVersion } from "../ends/page/first-version.ts";
import { situationOf } from "../situations.ts";
import type { BenchBrowser } from "../stage/browser.ts";
import { openLoopbackStage } from "../stage/loopback-stage.ts";
import { chromiumSubject } from "./chromium-subject.ts";

/** Two programs of Node start. */
const PATIENCE_MS = 60_000;
/** More than what is under way at any time between two ends on one machine. */
const LARGE_BYTES = 32_000_000;

test(
  "a home that a server introduces is there for one connection, and sends nothing after it",
  async () => {
    const stage = openLoopbackStage(situationOf("same-machine"));
    onTestFinished(() => stage.close());
    let told: OpenOptions | undefined;
    const page = {
      evaluate: async (_act: unknown, given?: readonly [unknown, OpenOptions]) => {
        told ??= given?.[1];
        return {};
      },
    };
    const browser = { pids: [], page: async () => ({ page, close: async () => {} }) };
    const entry = { id: "it", name: "It", isYardstick: true, ends: "both", versions: {} };
    const subject = chromiumSubject(
      { ...entry, unfit: () => undefined },
      { page: { kind: "first-version" }, home: "first-version", server: "room" },
    );
    const prepared = await subject.prepare(stage, browser as unknown as BenchBrowser);
    onTestFinished(() => prepared.close());

    const first = await prepared.open();
    const asker = await openFirstVersion(told?.server ?? "");
    onTestFinished(() => asker.close());
    let isWhole = false;
    void asker.get(LARGE_BYTES, PATIENCE_MS).then(() => {
      isWhole = true;
    });
    await first.close();
    let isAnswered = false;
    void asker.roundTrip().then(() => {
      isAnswered = true;
    });

    // What the next one answers comes behind whatever the first one has still said.
    await prepared.open();
    await asker.roundTrip();
    expect({ isWhole, isAnswered }).toEqual({ isWhole: false, isAnswered: false });
  },
  PATIENCE_MS,
);
