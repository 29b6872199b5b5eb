/** What must be true of every cell of the matrix. */
import { expect } from "vitest";
import { CROSSED_A_CLOSE } from "../support/chromium.ts";
import { drawDemoPicture, sha256 } from "../support/demo-picture.ts";
import { type Pair, theoryOf } from "./cast.ts";
import { CELL_FORM, type CellResult } from "./cell.ts";
import type { Outcome } from "./nat-kinds.ts";

let drawn: Promise<string> | undefined;

/** The picture of {@link CELL_FORM}, drawn here and not there. */
function expectedPicture(): Promise<string> {
  drawn ??= drawDemoPicture(CELL_FORM).then(sha256);
  return drawn;
}

/** It starts on the relay, ends where theory says, and every picture is the one that was asked for. */
export async function expectCell(pair: Pair, result: CellResult): Promise<void> {
  await expectResult(theoryOf(pair), result);
}

export async function expectResult(theory: Outcome, result: CellResult): Promise<void> {
  const picture = await expectedPicture();
  expect(result.outcome).toEqual(theory);
  expect(result.badges[0]).toMatch(/^relay: /);
  expect(result.badges, "nothing that contradicts itself").not.toContain("relay: open");
  if (theory.path === "relay") expect(result.badges).not.toContain("direct: open");
  expect(new Set(result.pictures.map(({ sha256: hash }) => hash))).toEqual(new Set([picture]));
  expect(result.pictures.at(-1)?.path).toBe(theory.path);
  expect(result.errors.filter((error) => !CROSSED_A_CLOSE.test(error))).toEqual([]);
}

/**
 * The relay answers the first command before direct is open. Where both are quick, direct may come
 * first now and then; if anybody waited for it, it always would.
 */
export function expectNobodyWaits(results: readonly CellResult[]): void {
  const direct = results.filter(({ outcome }) => outcome.path === "direct");
  const early = direct.filter(({ firstAnswerBy }) => firstAnswerBy === "relay");
  expect(direct.length).toBeGreaterThan(2);
  expect(early.length).toBeGreaterThan(direct.length / 2);
}
