/** The owner's word about links. */

import { type CheckedCommand, COMMANDS, type CommandName } from "@beeline/protocol";
import { describe, expect, test } from "vitest";
import { RIGHTS, Rights } from "./rights.ts";

const caller = { clientId: "secret", linkId: "mine", name: "page" };
const allowed = (rights: Rights): string[] =>
  (Object.keys(COMMANDS) as CommandName[]).filter((type) =>
    rights.permit({ type } as CheckedCommand, caller),
  );
const ALWAYS = [
  "activities:list",
  "activities:clear",
  "activities:cancel",
  "resources:add:cancel",
  "extension:describe",
];

describe("a link that was given", () => {
  test.each([
    [[], []],
    [["generate"], ["image:txt2img", "image:img2img"]],
    [["list"], ["resources:list"]],
    [["add"], ["resources:add"]],
    [["remove"], ["resources:remove"]],
  ] as const)("%j may do that and see to its own jobs", (given, expected) => {
    const rights = new Rights();
    rights.give("mine", given);
    expect(allowed(rights).sort()).toEqual([...expected, ...ALWAYS].sort());
  });
});

test("rights are one link's own, and what is taken is gone at once", () => {
  const rights = new Rights();
  rights.give("other", RIGHTS);
  expect(allowed(rights).sort()).toEqual([...ALWAYS].sort());
  rights.give("mine", RIGHTS);
  expect(allowed(rights)).toHaveLength(Object.keys(COMMANDS).length);
  rights.give("mine", ["list"]);
  expect(allowed(rights)).not.toContain("image:txt2img");
  rights.takeAll("mine");
  expect(allowed(rights).sort()).toEqual([...ALWAYS].sort());
});
