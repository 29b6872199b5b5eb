/** Two server processes, one PostgreSQL, one Redis: a link does not notice which process it is on. */

import { createHash, randomBytes } from "node:crypto";
import { connect } from "@beeline/client";
import { realClock } from "@beeline/paths";
import type { Presence } from "@beeline/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Balancer } from "../support/balancer.ts";
import { Cluster, type ClusterServer } from "../support/cluster.ts";
import { within } from "../support/deadline.ts";
import { LinkScene } from "../support/link-scene.ts";
import { ask, BeelinePeer } from "../support/link-server.ts";
import { type Service, startPostgres, startRedis } from "../support/services.ts";

let postgres: Service;
let redis: Service;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

/** A dead process is noticed after 6 s and two beats of 1 s; the rest is for busy cores. */
const GONE_MS = 30_000;
/** Four large pictures and a reconnect take 19 s where two other programs want both cores. */
const DRAW_MS = 60_000;
const DRAWING = { timeout: 2 * DRAW_MS };

const ids = ({ peers }: Presence) => peers.map(({ id }) => id);

async function openTwo() {
  const cluster = await Cluster.open(postgres, redis);
  const [a, b] = await Promise.all([cluster.start(), cluster.start()]);
  return { cluster, a, b };
}

/** A client on one process and an extension on the other, paired by a short key. */
async function pairAcross(cluster: Cluster, a: ClusterServer, b: ClusterServer) {
  const { id, key: shortKey } = await cluster.createInstance(a);
  const client = new BeelinePeer(a, "client");
  const extension = new BeelinePeer(b, "extension");
  const { peerId: clientId } = await client.enter(shortKey);
  const { peerId: extensionId } = await extension.enter(shortKey, { installId: "one" });
  const [{ key }] = (await client.next("rekey")) as [{ key: string }];
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  return { id, shortKey, key, client, clientId, extension, extensionId };
}

test("a pair on two processes is paired, signals, relays, and is kicked when the link is deleted", async () => {
  const { cluster, a, b } = await openTwo();
  const { id, client, clientId, extension, extensionId, key } = await pairAcross(cluster, a, b);
  await extension.next("presence");
  expect(extension.story).toEqual(["ack", "rekey", "presence"]);
  expect(client.story).toEqual(["ack", "presence", "rekey", "presence"]);
  expect(extension.heard.at(-1)).toEqual(client.heard.at(-1));

  client.socket.emit("relay", extensionId, Uint8Array.of(1, 2, 3));
  const [from, bytes] = (await extension.next("relay")) as [string, Uint8Array];
  expect([from, [...bytes]]).toEqual([clientId, [1, 2, 3]]);
  extension.socket.emit("signal", clientId, { kind: "offer" });
  expect(await client.next("signal")).toEqual([extensionId, { kind: "offer" }]);

  const standby = new BeelinePeer(a, "extension");
  const { presence, peerId } = await standby.enter(key, { installId: "two" });
  expect(presence.peers.find(({ active }) => active)?.id).toBe(extensionId);
  extension.socket.emit("leave");
  const isPromoted = ({ peers }: Presence) =>
    peers.some((peer) => peer.active && peer.id === peerId);
  await client.nextWhere("presence", isPromoted);

  const cookie = cluster.browser.cookie ?? "";
  await ask(b.url, "DELETE", `/api/link?id=${id}`, { headers: { cookie } });
  expect((await client.next("kicked"))[0]).toMatchObject({ code: "LINK_REVOKED" });
  await standby.next("kicked");
});

test("the peers of a killed process leave the room within seconds, and come back through the other", async () => {
  const { cluster, a, b } = await openTwo();
  const { key, client, clientId, extensionId } = await pairAcross(cluster, a, b);
  await b.process.kill();
  const again = new BeelinePeer(a, "extension");
  const ack = await again.enter(key, { installId: "one" });
  expect(ids(ack.presence)).not.toContain(extensionId);
  again.socket.emit("relay", clientId, Uint8Array.of(7));
  expect([...((await client.next("relay"))[1] as Uint8Array)]).toEqual([7]);
});

test("a process that was killed is missed, even if none of its peers comes back", async () => {
  const { cluster, a, b } = await openTwo();
  const { client, extensionId } = await pairAcross(cluster, a, b);
  await b.process.kill();
  const isAlone = (presence: Presence) => !ids(presence).includes(extensionId);
  await within(GONE_MS, "a presence without the dead", client.nextWhere("presence", isAlone));
});

test(
  "a process killed while pictures pass costs a reconnect, and every picture arrives whole",
  DRAWING,
  async () => {
    const { cluster, a, b } = await openTwo();
    const scene = await LinkScene.openEmpty({ demo: { stepMs: 5 } });
    const toExtension = await Balancer.open(b.url, a.url);
    const toClient = await Balancer.open(a.url, b.url);
    const { key: shortKey } = await cluster.createInstance(a);
    const extension = await scene.openExtension();
    extension.extension.pair(toExtension.url, shortKey);
    await extension.heard("active");
    const cookie = cluster.browser.cookie ?? "";
    const [instance] = (await ask(a.url, "GET", "/api/link", { headers: { cookie } })).body as [
      { key: string },
    ];
    const link = await connect(
      { server: toClient.url, key: instance.key, clientId: randomBytes(16).toString("hex") },
      { clock: realClock, createPeer: undefined },
    );
    onTestFinished(() => link.close(0).catch(() => {}));

    const job = link.txt2img({
      quantity: 4,
      params: { prompt: "a bee", width: 1024, height: 1024, steps: 8, seed: 7 },
    });
    let isKilled = false;
    for await (const update of job) {
      if (isKilled || update.kind !== "image") continue;
      isKilled = true;
      await b.process.kill();
    }
    const { images } = await within(DRAW_MS, "the pictures", job.result);
    expect(isKilled).toBe(true);
    expect(images).toHaveLength(4);
    for (const { bytes, sha256 } of images) {
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    }
    expect(toExtension.connections).toBeGreaterThan(1);
  },
);
