/** The specification's text, step by step: a site that says its requests as they stand there. */

import { randomUUID } from "node:crypto";
import type { LinkInstance } from "@beeline/protocol";
import { expect, test } from "vitest";
import { LinkScene } from "../support/link-scene.ts";
import { ask, ShippedPeer } from "../support/link-server.ts";

interface Answer {
  readonly id: string;
  readonly status: string;
  readonly version?: string;
  readonly resources?: readonly { type: string; hash: string; name: string; status?: string }[];
  readonly activities?: readonly { id: string }[];
  readonly images?: readonly string[];
}

test("a site that follows the specification links, lists, draws, adds, removes and hears of the end", async () => {
  const scene = await LinkScene.openEmpty();
  const { server } = scene;

  // First connection.
  const { key: shortKey, cookie } = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  expect(await site.join(shortKey)).toMatchObject({ success: true });
  const { extension } = await scene.openExtension();
  extension.pair(server.url, shortKey);
  const [{ key }] = (await site.next("upgradeKey")) as [{ key: string }];
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);

  // Following connections.
  const listed = await ask(server.url, "GET", "/api/link", { headers: { cookie } });
  expect((listed.body as LinkInstance[]).map((instance) => instance.key)).toEqual([key]);
  site.socket.emit("leave");
  expect(await site.join(key)).toMatchObject({ success: true });

  const request = async (type: string, fields: object = {}): Promise<Answer> => {
    const id = randomUUID();
    const createdAt = new Date().toISOString();
    site.socket.emit("command", { id, version: "1.0.0", createdAt, type, ...fields });
    const isLast = (answer: Answer) =>
      answer.id === id && !["pending", "processing"].includes(answer.status);
    return (await site.nextWhere("commandStatus", isLast)) as Answer;
  };

  const types = ["checkpoint", "lora"];
  const { resources = [], ...list } = await request("resources:list", { types });
  expect(list).toMatchObject({ status: "success", version: "1.0.0" });
  expect(new Set(resources.map(({ type }) => type))).toEqual(new Set(types));
  const [model, lora] = types.map((name) => resources.find(({ type }) => type === name));

  const params = {
    prompt: "a bee",
    negativePrompt: "a wasp",
    seed: 7,
    steps: 2,
    width: 128,
    height: 128,
    cfgScale: 7,
  };
  const network = { type: "lora", hash: lora?.hash, name: lora?.name, strength: 0.8 };
  const picture = {
    quantity: 1,
    batchSize: 1,
    model: model?.hash,
    additionalNetworks: [network],
    params,
  };
  const drawn = await request("image:txt2img", picture);
  expect(drawn).toMatchObject({ status: "success", images: [expect.any(String)] });
  const initImage = drawn.images?.[0] ?? "";
  expect(Buffer.from(initImage, "base64").subarray(1, 4).toString()).toBe("PNG");
  const again = { initImage, denoiseStrength: 0.5, maskedOnly: false };
  expect(
    await request("image:img2img", { ...picture, params: { ...params, ...again } }),
  ).toMatchObject({ status: "success", images: [expect.any(String)] });

  // A page may not make the extension fetch from its own network: that is an answer, too.
  const added = { ...lora, hash: "ab".repeat(32), name: "new", url: "https://127.0.0.1/model" };
  expect(await request("resources:add", { resources: [added] })).toMatchObject({
    status: "error",
    resources: [{ hash: added.hash, status: "error" }],
  });
  const { type, hash } = added;
  const late = await request("resources:add:cancel", { resources: [{ type, hash }] });
  expect(late.status).toBe("error");

  const gone = { type: lora?.type, hash: lora?.hash };
  expect(await request("resources:remove", { resources: [gone] })).toMatchObject({
    status: "success",
    resources: [{ ...gone, status: "success" }],
  });
  const left = await request("resources:list", { types });
  expect(left.resources?.map((resource) => resource.hash)).not.toContain(gone.hash);
  const { activities = [] } = await request("activities:list");
  expect(activities.map((activity) => activity.id)).toContain(drawn.id);

  // The end, and a key that is no more.
  await extension.close();
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 0);
  const stale = new ShippedPeer(server, "sd");
  expect(await stale.join("e".repeat(128))).toMatchObject({ success: false });
  await stale.next("kicked");
});
