/** Theory agrees with what others have published and measured, and the tables say what they are given. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { CellResult } from "../cell.ts";
import { canConnect, expectedOutcome, NAT_KINDS, type NatKind } from "../nat-kinds.ts";
import { printedTable, withTables } from "../nat-table.ts";
import { PAIRS } from "../pairs.ts";

/** iroh 1.1.0, tests/patchbay/nat.rs: None, Open, Moderate, Strict; all but three become direct. */
const IROH: readonly NatKind[] = ["open", "fullCone", "cone", "symmetric"];
const IROH_FAILS = ["cone × symmetric", "symmetric × cone", "symmetric × symmetric"];

const ALL = Object.keys(NAT_KINDS) as NatKind[];

test("on iroh's sixteen pairs theory says what iroh's tests found", () => {
  const pairs = IROH.flatMap((a) => IROH.map((b) => [a, b] as const));
  const failing = pairs.filter(([a, b]) => !canConnect(NAT_KINDS[a], NAT_KINDS[b]));
  expect(failing.map(([a, b]) => `${a} × ${b}`)).toEqual(IROH_FAILS);
});

test("it does not matter who is the page", () => {
  for (const a of ALL) {
    for (const b of ALL) {
      for (const hasTurn of [false, true]) {
        expect(expectedOutcome(NAT_KINDS[a], NAT_KINDS[b], hasTurn)).toEqual(
          expectedOutcome(NAT_KINDS[b], NAT_KINDS[a], hasTurn),
        );
      }
    }
  }
});

test("a filter by address lets an unknown port in, one by port does not", () => {
  const { symmetric, addressCone, cone } = NAT_KINDS;
  expect(canConnect(symmetric, addressCone)).toBe(true);
  expect(canConnect(symmetric, cone)).toBe(false);
});

test("two families help where one does not, and no common one is no way", () => {
  const { dualStack, ipv6Only, symmetric, cone } = NAT_KINDS;
  expect(canConnect(dualStack, ipv6Only)).toBe(true);
  expect(canConnect(dualStack, symmetric)).toBe(false);
  expect(canConnect(cone, ipv6Only)).toBe(false);
});

test("TURN helps those whom it can reach, and is not used by the others", () => {
  const { udpBlocked, symmetric, cone, ipv6Only } = NAT_KINDS;
  expect(expectedOutcome(udpBlocked, symmetric, true)).toMatchObject({ by: "turn" });
  expect(expectedOutcome(cone, cone, true)).toMatchObject({ by: "ice" });
  expect(expectedOutcome(ipv6Only, cone, true)).toEqual({ path: "relay", reason: "ice-failed" });
});

test("the document says of every pair what theory says", () => {
  const path = fileURLToPath(new URL("../../../docs/nat-matrix.md", import.meta.url));
  const document = readFileSync(path, "utf8");
  const cells = PAIRS.map((pair) => {
    const { browser, extension, hasTurn } = pair;
    const outcome = expectedOutcome(NAT_KINDS[browser], NAT_KINDS[extension], hasTurn);
    return { ...pair, result: { outcome } as CellResult };
  });
  expect(withTables(document, cells)).toBe(document);
});

test("the document keeps its words and gets its tables", () => {
  const result: CellResult = {
    outcome: { path: "direct", reason: "open", by: "ice" },
    badges: ["relay: connecting", "direct: open"],
    firstAnswerBy: "relay",
    attempts: 1,
    pictures: [],
    firstPictureMs: 12,
    settledMs: 345,
    route: "srflx → srflx",
    errors: [],
  };
  const cells = [{ browser: "cone", extension: "cone", hasTurn: false, result } as const];
  const names = ["kinds", "without TURN", "with TURN"];
  const empty = names.map((name) => `Of ${name}:\n<!-- ${name} -->\n<!-- end of ${name} -->\n`);
  const filled = withTables(empty.join(""), cells);
  expect(filled).toContain("| **cone** | direct |");
  expect(filled).not.toContain("345");
  expect(withTables(filled, cells)).toBe(filled);
  expect(() => withTables("nothing", cells)).toThrow("no place for");
  expect(printedTable(cells)).toMatch(
    /cone +cone +direct +open +1 +12 ms +345 ms {2}srflx → srflx/,
  );
});
