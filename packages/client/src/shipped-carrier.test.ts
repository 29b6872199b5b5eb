import { randomUUID } from "node:crypto";
import type { BeelineError, CommandName, ResponseOf } from "@beeline/protocol";
import { describe, expect, test } from "vitest";
import { Calls } from "./calls.ts";
import { ShippedCarrier } from "./shipped-carrier.ts";
import { HandClock } from "./testing/hand-clock.ts";

const HASH = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const FILE = { type: "lora", hash: HASH, name: "bee.safetensors", url: "https://x/bee" } as const;
const ENTRY = { type: "LORA", hash: HASH, name: "bee", path: "loras/bee", hasPreview: "" };

type Said = Record<string, unknown> & { readonly id: string; readonly type: string };

/** A client and what its extension hears; the test answers for the extension. */
function open() {
  const clock = new HandClock();
  const calls = new Calls(clock);
  const said: Said[] = [];
  const changed: string[] = [];
  const carrier = new ShippedCarrier({
    calls,
    clock,
    send: (command) => void said.push(command as Said),
    onChanged: (what) => void changed.push(what),
  });
  calls.link(carrier);

  function ask<N extends CommandName>(type: N, fields: object = {}, id: string = randomUUID()) {
    const heard: ResponseOf<N>[] = [];
    const errors: BeelineError[] = [];
    const handlers = {
      onResponse: (response: ResponseOf<N>) => {
        heard.push(response);
        if (response.status === "success") calls.finish(id, true);
      },
      onError: (error: BeelineError) => void errors.push(error),
    };
    calls.start({ ...fields, id, type }, [], handlers, false);
    return { id, heard, errors };
  }

  const last = (type: string): Said => {
    const found = said.filter((command) => command.type === type).at(-1);
    if (found === undefined) throw new Error(`${type} was not said`);
    return found;
  };
  const reply = (to: Said, fields: object) => carrier.hear({ ...to, ...fields });
  return { clock, calls, carrier, said, changed, ask, last, reply };
}

describe("a download by a shipped extension", () => {
  test("is one command a file under the call's own id, with the extension's figures", () => {
    const { ask, last, reply, carrier, said } = open();
    const add = ask("resources:add", { resources: [{ ...FILE, hash: HASH.toUpperCase() }] });
    expect(last("resources:add")).toMatchObject({
      id: add.id,
      resource: { type: "LORA", hash: HASH, name: "bee.safetensors", modelName: "bee" },
    });
    const resource = { ...FILE, type: "LORA" };
    reply(last("resources:add"), {
      status: "processing",
      progress: 12.345,
      speed: 2e6,
      remainingTime: 3.5,
      resource,
    });
    expect(add.heard.at(-1)).toMatchObject({
      status: "processing",
      resources: [{ type: "lora", hash: HASH, progress: 12.35, speed: 2e6, remainingTime: 3.5 }],
    });
    carrier.hear({ id: randomUUID(), type: "resources:add", status: "error", error: "another's" });
    reply(last("resources:add"), { status: "success", progress: 100 });
    expect(add.heard.at(-1)?.status).toBe("success");
    expect([add.errors, said.length]).toEqual([[], 1]);
  });

  test("of several files ends when all have, and fails with the words of the one that did", () => {
    const { ask, said, reply } = open();
    const add = ask("resources:add", { resources: [FILE, { ...FILE, hash: OTHER }] });
    const [first, second] = said;
    expect(first?.id).not.toBe(second?.id);
    if (first) reply(first, { status: "error", error: "Failed to download resource" });
    expect(add.heard.at(-1)?.status).toBe("processing");
    if (second) reply(second, { status: "success" });
    expect(add.errors.map(({ code, detail }) => [code, detail])).toEqual([
      ["DOWNLOAD_FAILED", "Failed to download resource"],
    ]);
  });

  test("that it does not answer because it has the file is found in its list", () => {
    const { ask, clock, last, reply } = open();
    const add = ask("resources:add", { resources: [FILE] });
    clock.advance(5_000);
    reply(last("resources:list"), { status: "success", resources: [ENTRY] });
    expect(add.heard.at(-1)).toMatchObject({ status: "success", resources: [{ progress: 100 }] });
  });

  test("whose end was lost with a connection is over in the activities too", () => {
    const { ask, clock, last, reply, carrier } = open();
    const add = ask("resources:add", { resources: [FILE] });
    const resource = { ...FILE, type: "LORA" };
    reply(last("resources:add"), { status: "processing", resource });
    carrier.hear({ type: "resources:list", resources: [ENTRY] });
    expect(add.heard.at(-1)?.status).toBe("success");
    const listing = ask("activities:list");
    clock.advance(5_000);
    expect(listing.heard.at(-1)?.activities).toMatchObject([{ id: add.id, status: "success" }]);
  });

  test("that is on its way in the list is not there yet", () => {
    const { ask, carrier } = open();
    const add = ask("resources:add", { resources: [FILE] });
    carrier.hear({ type: "resources:list", resources: [{ ...ENTRY, downloading: true }] });
    expect(add.heard).toEqual([]);
  });

  test("is canceled when its end says so, in whatever shape", () => {
    const { ask, last, reply, carrier } = open();
    const add = ask("resources:add", { resources: [FILE] });
    const cancel = ask("resources:add:cancel", { activityId: add.id, resources: [FILE] });
    expect(last("activities:cancel")).toMatchObject({ activityId: add.id });
    reply(last("activities:cancel"), { status: "success" });
    expect([add.errors, cancel.heard]).toEqual([[], []]);
    // All that the desktop app says.
    carrier.hear({ id: add.id, status: "canceled" });
    expect(add.errors.map(({ code }) => code)).toEqual(["CANCELED"]);
    expect(cancel.heard.at(-1)).toMatchObject({
      status: "success",
      resources: [{ hash: HASH, status: "canceled" }],
    });
  });

  test("whose cancel nobody confirms is over here after five seconds", () => {
    const { ask, clock } = open();
    const add = ask("resources:add", { resources: [FILE] });
    const cancel = ask("activities:cancel", { activityId: add.id });
    clock.advance(5_000);
    expect(add.errors.map(({ code }) => code)).toEqual(["CANCELED"]);
    expect(cancel.heard.at(-1)?.status).toBe("success");
  });

  test("of another page that cannot be canceled any more is told as such", () => {
    const { ask, last, reply } = open();
    const cancel = ask("activities:cancel", { activityId: randomUUID() });
    reply(last("activities:cancel"), { status: "error", error: "No such download" });
    expect(cancel.errors.map(({ code }) => code)).toEqual(["JOB_UNKNOWN"]);
  });
});

describe("an extension that comes back", () => {
  const back = () => {
    const scene = open();
    const add = scene.ask("resources:add", { resources: [FILE] });
    const adds = () => scene.said.filter(({ type }) => type === "resources:add").length;
    scene.reply(scene.last("resources:add"), { status: "processing", progress: 10 });
    scene.calls.unlink();
    scene.calls.link(scene.carrier);
    return { ...scene, add, adds };
  };

  test("and goes on with its download is not asked for it twice", () => {
    const { clock, last, reply, adds, add } = back();
    reply(last("resources:add"), { status: "processing", progress: 20 });
    clock.advance(10_000);
    expect([adds(), add.heard.at(-1)?.resources?.[0]?.progress]).toEqual([1, 20]);
  });

  test("and says no more of its download is asked again, though its activities call it running", () => {
    const { clock, last, reply, adds } = back();
    const dead = { ...last("resources:add"), status: "processing", progress: 10 };
    reply(last("activities:list"), { status: "success", activities: [dead] });
    clock.advance(10_000);
    expect(adds()).toBe(2);
  });

  test("and failed while it could not report is asked again at once, and then believed", () => {
    const { last, reply, adds, add } = back();
    const failed = { ...last("resources:add"), status: "error", error: "Failed to download" };
    reply(last("activities:list"), { status: "success", activities: [failed] });
    expect([adds(), add.errors]).toEqual([2, []]);
    reply(last("activities:list"), { status: "success", activities: [failed] });
    expect(adds()).toBe(2);
    reply(last("resources:add"), { status: "error", error: "Failed to download" });
    expect(add.errors.map(({ code }) => code)).toEqual(["DOWNLOAD_FAILED"]);
  });

  test("and has finished meanwhile is believed", () => {
    const { clock, last, reply, adds, add } = back();
    const done = { ...last("resources:add"), status: "success", progress: 100 };
    reply(last("activities:list"), { status: "success", activities: [done] });
    clock.advance(10_000);
    expect([adds(), add.heard.at(-1)?.status]).toEqual([1, "success"]);
  });

  test("is asked for a removal again only if its list still has the file", () => {
    const { ask, calls, carrier, said, last, reply } = open();
    const remove = ask("resources:remove", { resources: [FILE, { ...FILE, hash: OTHER }] });
    calls.unlink();
    calls.link(carrier);
    said.length = 1;
    reply(
      { ...last("resources:remove"), id: randomUUID(), type: "resources:list" },
      {
        resources: [ENTRY],
      },
    );
    expect(said.slice(1).map(({ resource }) => (resource as typeof ENTRY).hash)).toEqual([HASH]);
    reply(last("resources:remove"), { status: "success" });
    expect(remove.heard.at(-1)?.status).toBe("success");
  });
});

test("a removal names the file as the extension itself listed it", () => {
  const { ask, carrier, last } = open();
  const entry = { ...ENTRY, type: "MotionModule" };
  carrier.hear({ type: "resources:list", resources: [entry] });
  ask("resources:remove", { resources: [{ type: "other", hash: HASH }] });
  expect(last("resources:remove").resource).toMatchObject(entry);
});

test("a list is filtered by type, and what has no hash yet is left out", () => {
  const { ask, last, reply } = open();
  const listing = ask("resources:list", { types: ["lora"] });
  expect(last("resources:list").types).toEqual(["LORA"]);
  const checkpoint = { ...ENTRY, type: "Checkpoint", hash: OTHER };
  reply(last("resources:list"), {
    status: "success",
    resources: [ENTRY, checkpoint, { ...ENTRY, hash: null }],
  });
  expect(listing.heard.at(-1)?.resources?.map(({ hash }) => hash)).toEqual([HASH]);
});

describe("what an extension pushes", () => {
  test("is told once, and answers to other clients are no news", () => {
    const { carrier, changed } = open();
    carrier.hear({ type: "resources:list", resources: [ENTRY] });
    carrier.hear({
      id: randomUUID(),
      type: "resources:list",
      status: "success",
      resources: [ENTRY],
    });
    expect(changed).toEqual(["resources"]);
  });

  test("and is no list of resources is only a hint to ask", () => {
    const { carrier, changed, ask, last, reply } = open();
    carrier.hear({ type: "resources:list", resources: ["/models/Lora"] });
    expect(changed).toEqual(["resources"]);
    const listing = ask("resources:list");
    reply(last("resources:list"), { status: "success", resources: [ENTRY] });
    expect(listing.heard.at(-1)?.resources).toHaveLength(1);
  });

  test("of another client's download changes the activities when its status does", () => {
    const { carrier, changed } = open();
    const theirs = { id: randomUUID(), type: "resources:add", resource: { ...FILE, type: "LORA" } };
    for (const progress of [1, 2, 3]) carrier.hear({ ...theirs, status: "processing", progress });
    carrier.hear({ ...theirs, status: "success" });
    expect(changed).toEqual(["activities", "activities"]);
  });

  test.each([null, 7, "text", [], { resources: 1 }, { id: 5, type: {}, status: "odd" }])(
    "and is nonsense (%j) harms nothing",
    (payload) => {
      const { carrier, changed } = open();
      carrier.hear(payload);
      expect(changed).toEqual([]);
    },
  );
});

test("an extension that keeps no activities has those that were heard", () => {
  const { ask, carrier, clock } = open();
  const resource = { ...FILE, type: "LORA" };
  const createdAt = "2026-01-01T00:00:00.000Z";
  const theirs = { id: randomUUID(), type: "resources:add", createdAt, resource };
  carrier.hear({ ...theirs, status: "processing", progress: 50 });
  carrier.hear({ id: theirs.id, status: "canceled" });
  const listing = ask("activities:list");
  clock.advance(5_000);
  expect(listing.heard.at(-1)?.activities).toMatchObject([
    { id: theirs.id, status: "canceled", createdAt, resources: [{ name: "bee.safetensors" }] },
  ]);
});

test("sixty activities, oldest last or first, become the newest ten", () => {
  const { ask, last, reply } = open();
  const listing = ask("activities:list");
  const activities = Array.from({ length: 60 }, (_, index) => ({
    id: String(index),
    type: "resources:add",
    createdAt: new Date(index * 1_000).toISOString(),
  }));
  reply(last("activities:list"), { status: "success", activities });
  const ids = listing.heard.at(-1)?.activities?.map(({ id }) => id);
  expect(ids).toEqual(["59", "58", "57", "56", "55", "54", "53", "52", "51", "50"]);
});

test.each(["image:txt2img", "image:img2img", "extension:describe"] as const)(
  "%s is refused at once, and says who can",
  (type) => {
    const { ask, said } = open();
    const [error] = ask(type).errors;
    expect(error?.code).toBe("COMMAND_UNSUPPORTED");
    expect(error?.detail).toContain("Beeline's own does");
    expect(said).toEqual([]);
  },
);
