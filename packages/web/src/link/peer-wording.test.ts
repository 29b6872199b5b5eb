import type { LinkPeer } from "@beeline/protocol";
import { expect, test } from "vitest";
import { isStillHere, peerKind, peerName } from "./peer-wording.ts";

const DESKTOP: LinkPeer = {
  role: "extension",
  kind: "beeline",
  name: "desktop",
  address: "192.0.2.7",
  isOwner: false,
  since: "2026-01-02T00:00:00.000Z",
};

test("everybody is called what they are, and by their name where they have one", () => {
  expect(peerKind(DESKTOP)).toBe("Computer");
  expect(peerKind({ role: "client", kind: "beeline" })).toBe("Page");
  expect(peerKind({ role: "client", kind: "shipped" })).toBe("Page, Civitai Link");
  expect(peerName(DESKTOP)).toBe("desktop");
  expect(peerName({ role: "client", kind: "shipped", name: " " })).toBe("Page, Civitai Link");
});

test("who went and came back is not called still here", () => {
  expect(isStillHere(DESKTOP, [])).toBe(false);
  expect(isStillHere(DESKTOP, [{ ...DESKTOP }])).toBe(true);
  expect(isStillHere(DESKTOP, [{ ...DESKTOP, since: "2026-01-02T00:01:00.000Z" }])).toBe(false);
  expect(isStillHere(DESKTOP, [{ ...DESKTOP, address: "192.0.2.8" }])).toBe(false);
});
