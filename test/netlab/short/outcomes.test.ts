/**
 * One pair for each kind of outcome, of the many in matrix.test.ts: what theory says comes true, and
 * the same picture arrives whichever way.
 */
import { afterAll, beforeAll, test } from "vitest";
import { Cast, type Pair } from "../cast.ts";
import type { CellResult } from "../cell.ts";
import { expectCell, expectNobodyWaits } from "../expect-cell.ts";

const PAIRS: readonly Pair[] = [
  { browser: "cone", extension: "carrier", hasTurn: false },
  { browser: "dualStack", extension: "ipv6Only", hasTurn: false },
  { browser: "symmetric", extension: "cone", hasTurn: false },
  { browser: "cone", extension: "udpBlocked", hasTurn: false },
  { browser: "cone", extension: "ipv6Only", hasTurn: false },
  { browser: "symmetric", extension: "symmetric", hasTurn: true },
];

let cast: Cast;
const played: CellResult[] = [];

beforeAll(async () => {
  cast = await Cast.open();
});
afterAll(async () => {
  await cast?.close();
});

test.concurrent.each(PAIRS)(
  "page $browser, extension $extension, TURN $hasTurn: what theory says, and the picture",
  async (pair) => {
    const result = await cast.play(pair);
    played.push(result);
    await expectCell(pair, result);
  },
);

test("nobody waits for direct with the first command", () => {
  expectNobodyWaits(played);
});
