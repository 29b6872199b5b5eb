/** The shipped dialect, spoken by the library and in the language of the shipped extension. */

import { expect, test } from "vitest";
import { LinkScene } from "../support/link-scene.ts";
import { ask, ShippedPeer, startLinkServer, type TestServer } from "../support/link-server.ts";
import { type Data, PythonPeer } from "../support/python-peer.ts";

const has = (fields: object) => (data: Data) =>
  Object.entries(fields).every(([name, value]) => data?.[name] === value);

/** The answer to what a site asks when both sides are there. */
const LISTED = has({ type: "resources:list", status: "success" });

async function pairInPython(server: TestServer) {
  const instance = await server.createInstance();
  const site = new PythonPeer(server, "client", instance.key);
  expect(await site.next("joined")).toEqual({ success: true, msg: "Joined" });
  const sd = new PythonPeer(server, "sd", instance.key);
  const { key } = (await site.next("upgradeKey")) as { key: string };
  await site.next("roomPresence", has({ client: 1, sd: 1 }));
  return { ...instance, key, shortKey: instance.key, site, sd };
}

test("a site and an extension in Python pair, list, add with progress, cancel and remove", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pairInPython(server);
  expect(key).toMatch(/^[0-9a-f]{128}$/);
  expect(await sd.next("upgradeKey")).toEqual({ key });
  expect(await sd.next("joined")).toEqual({ success: true, msg: "Joined" });

  await site.next("commandStatus", has({ type: "activities:list", status: "success" }));
  const listed = await site.next("commandStatus", LISTED);
  expect(listed).toMatchObject({ status: "success", createdAt: "2026-01-01T00:00:00.000Z" });

  const resource = {
    type: "LORA",
    hash: "CD".repeat(32),
    name: "wasp.safetensors",
    url: "https://x",
  };
  site.command("add-1", "resources:add", { resource });
  for (const progress of [0, 25.5, 50, 75.25]) {
    await site.next("commandStatus", has({ id: "add-1", status: "processing", progress }));
  }
  expect(await site.next("commandStatus", has({ id: "add-1", status: "success" }))).toMatchObject({
    resource,
  });
  // Unasked, without id and status.
  expect(await site.next("commandStatus", has({ type: "resources:list" }))).not.toHaveProperty(
    "id",
  );

  site.command("add-2", "resources:add", {
    resource: { ...resource, name: "unwanted.safetensors" },
  });
  await site.next("commandStatus", has({ id: "add-2", status: "processing" }));
  site.command("stop-1", "activities:cancel", { activityId: "add-2" });
  await site.next("commandStatus", has({ id: "stop-1", status: "success" }));
  await site.next("commandStatus", has({ id: "add-2", status: "canceled" }));

  site.command("remove-1", "resources:remove", {
    resource: { type: "LORA", hash: "AB".repeat(32) },
  });
  await site.next("commandStatus", has({ id: "remove-1", status: "success" }));
  expect([...site.story, ...sd.story]).not.toContain("error");
});

test("10,000 resources in one push reach two browsers, and nobody is cut off", async () => {
  const server = await startLinkServer();
  const { site, sd, key } = await pairInPython(server);
  const other = new PythonPeer(server, "client", key);
  await site.next("roomPresence", has({ client: 2, sd: 1 }));
  other.command("flood", "flood");
  for (const browser of [site, other]) {
    await browser.next("commandStatus", has({ type: "resources:list", resources: 10_000 }));
  }
  expect([...site.story, ...sd.story, ...other.story]).not.toContain("disconnect");
});

test("an extension that is dropped comes back by itself, and one whose link is deleted is kicked", async () => {
  const server = await startLinkServer();
  const { site, sd, id, cookie } = await pairInPython(server);
  await sd.next("joined");
  sd.tell({ drop: true });
  await sd.next("disconnect");
  await site.next("roomPresence", has({ client: 1, sd: 0 }));
  await site.next("roomPresence", has({ client: 1, sd: 1 }));
  await site.next("commandStatus", LISTED);

  await ask(server.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });
  await Promise.all([site.next("kicked"), sd.next("kicked")]);
});

test("a short key is used up once an extension in Python has the lasting one", async () => {
  const server = await startLinkServer();
  const { site, shortKey } = await pairInPython(server);
  // Its answer comes after its pong to the ping that followed the key.
  await site.next("commandStatus", LISTED);
  const second = new PythonPeer(server, "sd", shortKey);
  await second.next("kicked");
  expect(second.story).not.toContain("upgradeKey");
});

test("an unknown key is kicked, as shipped clients need it", async () => {
  const server = await startLinkServer();
  const sd = new PythonPeer(server, "sd", "f".repeat(128));
  await sd.next("kicked");
  expect(sd.story).not.toContain("disconnect");
});

test("our own extension answers a site in Python", async () => {
  const scene = await LinkScene.open();
  const site = new PythonPeer(scene.server, "client", scene.key);
  const listed = await site.next("commandStatus", LISTED);
  const resources = listed?.resources as { hash: string }[];
  expect(resources.length).toBeGreaterThan(0);
  for (const { hash } of resources) expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

test("a shipped site of another library drives the extension in Python", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  await site.join(key);
  const sd = new PythonPeer(server, "sd", key);
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);
  site.socket.emit("command", { id: "1", type: "resources:list" });
  expect((await site.next("commandStatus"))[0]).toMatchObject({ id: "1", status: "success" });
  await sd.next("command");
});
