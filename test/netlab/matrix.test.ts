/**
 * Every kind of access with every other, page by extension, in a real Chromium against the real
 * extension: what theory says comes true. Prints the whole table with its times, and keeps what
 * does not depend on the machine in docs/nat-matrix.md; a difference there is one in behaviour.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { Cast, theoryOf } from "./cast.ts";
import type { CellResult } from "./cell.ts";
import { expectCell, expectNobodyWaits, expectResult } from "./expect-cell.ts";
import { policyOf } from "./nat-rules.ts";
import { type PlayedCell, printedTable, withTables } from "./nat-table.ts";
import { PAIRS } from "./pairs.ts";

const DOCUMENT = fileURLToPath(new URL("../../docs/nat-matrix.md", import.meta.url));

let cast: Cast;
const played: PlayedCell[] = [];

beforeAll(async () => {
  cast = await Cast.open();
});
afterAll(async () => {
  await cast?.close();
  process.stdout.write(printedTable(played));
  const asExpected = played.filter((cell) => cell.result.outcome.path === theoryOf(cell).path);
  if (asExpected.length < PAIRS.length) return;
  await writeFile(DOCUMENT, withTables(await readFile(DOCUMENT, "utf8"), played));
});

test.concurrent.each(PAIRS)("page $browser, extension $extension, TURN $hasTurn", async (pair) => {
  const result = await cast.play(pair);
  played.push({ ...pair, result });
  await expectCell(pair, result);
});

test("nobody waits for direct with the first command", () => {
  expectNobodyWaits(played.map(({ result }) => result));
});

describe("neighbours", () => {
  /** Two homes behind one carrier. */
  async function playNeighbours(name: string, hairpin: boolean): Promise<CellResult> {
    const { lab } = cast;
    const carrier = await lab.router(`${name}-c`, { policy: policyOf("cone", hairpin) });
    const families = { ipv4: true, ipv6: false };
    const left = await lab.router(`${name}-lr`, { families }, carrier.customers);
    const right = await lab.router(`${name}-rr`, { families }, carrier.customers);
    return cast.playBetween(
      await lab.host(`${name}-l`, left),
      await lab.host(`${name}-r`, right),
      hairpin ? "direct" : "relay",
    );
  }

  test("behind one carrier that hairpins connect directly", async () => {
    const result = await playNeighbours("hy", true);
    await expectResult({ path: "direct", reason: "open", by: "ice" }, result);
  });

  test("behind one carrier that does not hairpin stay on the relay", async () => {
    const result = await playNeighbours("hn", false);
    await expectResult({ path: "relay", reason: "ice-failed" }, result);
  });

  test("in one house connect directly, though its router does not hairpin", async () => {
    const router = await cast.lab.router("house");
    const result = await cast.playBetween(
      await cast.lab.host("house-p", router),
      await cast.lab.host("house-e", router),
      "direct",
    );
    await expectResult({ path: "direct", reason: "open", by: "ice" }, result);
  });
});
