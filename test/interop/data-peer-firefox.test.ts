/** The data peer with a real Firefox, both as offerer and as answerer. */
import { expect, onTestFinished, test } from "vitest";
import { DataPeerEcho } from "../support/data-peer-echo.ts";
import { FirefoxEcho, findFirefox, HOW_TO_GET_FIREFOX } from "../support/firefox-echo.ts";

/** Around the edges of packets, then the most that we offer. */
const SIZES = [1, 2, 1_131, 1_132, 1_133, 2_049, 16_384, 65_535, 65_536, 262_144];

const firefox = findFirefox();
/** A developer's run names what it skips; CI's must not skip anything. */
const mayRun = firefox !== undefined || process.env.CI !== undefined;

if (!mayRun) test.skip(HOW_TO_GET_FIREFOX);

test.runIf(mayRun).each([
  ["offers", true],
  ["answers", false],
])("the data peer %s: messages of all sizes come back as they were", async (_role, isOfferer) => {
  if (firefox === undefined) throw new Error(HOW_TO_GET_FIREFOX);
  let echo: DataPeerEcho | undefined;
  const other = await FirefoxEcho.start(firefox, !isOfferer, (signal) => echo?.accept(signal));
  onTestFinished(() => other.close());
  echo = new DataPeerEcho({ isOfferer }, (signal) => other.accept(signal));
  onTestFinished(() => echo?.close());
  await echo.opened();
  expect(await echo.exchange(SIZES)).toEqual([]);
});
