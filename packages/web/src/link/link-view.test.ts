import type { Link } from "@beeline/client";
import { BeelineError, type LinkInstance } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  INITIAL_LINK_VIEW,
  instanceAfterRekey,
  instanceToOpen,
  type LinkEvent,
  nextLinkView,
  screenOf,
} from "./link-view.ts";

const path = { kind: "relay", reason: "not-tried", message: "" } as const;
const link = { state: "waiting", path } as Link;
const error = new BeelineError("LINK_REVOKED", "deleted");

function after(...events: LinkEvent[]) {
  return events.reduce(nextLinkView, INITIAL_LINK_VIEW);
}

function instance(id: number, activated: boolean): LinkInstance {
  return {
    id,
    key: "a1b2c3",
    name: null,
    activated,
    origin: null,
    oauthPaired: false,
    createdAt: "",
  };
}

test("before the server has answered, nothing is offered", () => {
  expect(screenOf(INITIAL_LINK_VIEW)).toBe("loading");
  expect(screenOf(after({ type: "listed", instances: [], demo: false }))).toBe("links");
});

test("a short key is shown until the server replaces it, a lasting one never", () => {
  const pairing = after(
    { type: "opening", instanceId: 1, key: "a1b2c3" },
    { type: "connected", link },
  );
  expect(screenOf(pairing)).toBe("pairing");
  const paired = nextLinkView(pairing, { type: "rekeyed" });
  expect(screenOf(paired)).toBe("workspace");
  expect(paired.pairingKey).toBeUndefined();

  const lasting = after({ type: "opening", instanceId: 1, key: "ab".repeat(64) });
  expect(screenOf(lasting)).toBe("workspace");
  expect(JSON.stringify(lasting)).not.toContain("abab");
});

test("a link that closed with a reason leads back to the list and says why", () => {
  const closed = after(
    { type: "listed", instances: [], demo: false },
    { type: "opening", instanceId: 1, key: "ab".repeat(64) },
    { type: "connected", link },
    { type: "state", state: "closed", error },
  );
  expect(screenOf(closed)).toBe("links");
  expect(closed).toMatchObject({ error, link: undefined, path: undefined });
});

test("an error of joining is over once in the room, and an absent computer is none", () => {
  const joining = after(
    { type: "opening", instanceId: 1, key: "ab".repeat(64) },
    { type: "state", state: "joining", error },
  );
  expect(joining.error).toBe(error);
  expect(
    nextLinkView(joining, { type: "state", state: "linked", error: undefined }).error,
  ).toBeUndefined();
  const absent = new BeelineError("EXTENSION_ABSENT", "nobody there");
  expect(
    nextLinkView(joining, { type: "state", state: "waiting", error: absent }).error,
  ).toBeUndefined();
});

test("what answers is known from the link, and from then on as it changes", () => {
  const linked = after(
    { type: "opening", instanceId: 1, key: "ab".repeat(64) },
    { type: "connected", link: { ...link, extension: "shipped" } },
  );
  expect(linked.extension).toBe("shipped");
  const own = nextLinkView(linked, { type: "extension", extension: "beeline" });
  expect(own.extension).toBe("beeline");
  expect(nextLinkView(own, { type: "left" }).extension).toBeUndefined();
});

test("opening another instance forgets the path of the one before", () => {
  const view = after(
    { type: "opening", instanceId: 1, key: "a1b2c3" },
    { type: "connected", link },
    { type: "opening", instanceId: 2, key: "ab".repeat(64) },
  );
  expect(view).toMatchObject({
    instanceId: 2,
    link: undefined,
    path: undefined,
    pairingKey: undefined,
  });
});

test("the link used last opens by itself, or the only one that is linked", () => {
  const two = [instance(1, true), instance(2, true)];
  expect(instanceToOpen(two, 2)?.id).toBe(2);
  expect(instanceToOpen(two, undefined)).toBeUndefined();
  expect(instanceToOpen(two, 9)).toBeUndefined();
  expect(instanceToOpen([instance(1, true)], undefined)?.id).toBe(1);
  expect(instanceToOpen([instance(1, false)], undefined)).toBeUndefined();
});

test("a key that was replaced while this page was away leads to the new one", () => {
  const gone = new BeelineError("LINK_KEY_UNKNOWN", "no such key");
  const rekeyed = { ...instance(1, true), key: "ab".repeat(64) };
  expect(instanceAfterRekey([rekeyed], 1, "a1b2c3", gone)).toBe(rekeyed);
  expect(instanceAfterRekey([rekeyed], 1, rekeyed.key, gone)).toBeUndefined();
  expect(instanceAfterRekey([rekeyed], 2, "a1b2c3", gone)).toBeUndefined();
  expect(instanceAfterRekey([rekeyed], 1, "a1b2c3", error)).toBeUndefined();
});
