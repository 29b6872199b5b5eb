/** Our own client drives a shipped extension: Python's, through a real server, over the relay. */

import { connect, type Link } from "@beeline/client";
import { realClock } from "@beeline/paths";
import { BeelineError, type ResourceToAdd } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import { Changes } from "../support/deadline.ts";
import { LinkScene } from "../support/link-scene.ts";
import { startLinkServer, type TestServer } from "../support/link-server.ts";
import { PythonPeer } from "../support/python-peer.ts";

/** Python starts, connects by polling and upgrades; on two busy cores. */
const PATIENCE_MS = 45_000;

const OLD = "ab".repeat(32);
const file = (name: string, hash: string): ResourceToAdd => {
  return { type: "lora", hash: hash.repeat(32), name, url: "https://models.example/file" };
};

async function joinRoom(server: TestServer, account: { key: string; token?: string }) {
  const link = await connect(
    { server: server.url, ...account },
    { clock: realClock, createPeer: undefined },
  );
  onTestFinished(() => link.close(0).catch(() => undefined));
  return link;
}

function reaches(link: Link, wanted: Link["state"]): Promise<true> {
  const changes = new Changes();
  const stop = link.on("state", () => changes.notify());
  onTestFinished(stop);
  return changes.until(PATIENCE_MS, `the link is ${wanted}`, () =>
    link.state === wanted ? true : undefined,
  );
}

/** A client of ours in the room, and the extension that pairs there. */
async function pair() {
  const server = await startLinkServer();
  const account = await server.createAccountInstance();
  const link = await joinRoom(server, account);
  let lastingKey = "";
  link.on("rekey", (key) => {
    lastingKey = key;
  });
  const sd = new PythonPeer(server, "sd", account.key);
  await reaches(link, "linked");
  return { server, link, sd, key: () => lastingKey };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (thrown: unknown) => BeelineError.from(thrown).code,
  );

test("a shipped extension pairs with our client, which lists, adds with progress and removes", async () => {
  const { link, sd, key } = await pair();
  expect([link.extension, link.path.kind, link.path.reason]).toEqual([
    "shipped",
    "relay",
    "peer-unable",
  ]);
  expect(key()).toMatch(/^[0-9a-f]{128}$/);
  expect(await link.listResources()).toEqual([
    {
      type: "lora",
      hash: OLD,
      name: "bee",
      path: "/models/bee.safetensors",
      hasPreview: false,
    },
  ]);
  expect(await link.listResources(["checkpoint"])).toEqual([]);

  const wasp = file("stepwise-wasp.safetensors", "cd");
  const hornet = file("hornet.safetensors", "ef");
  const job = link.addResources([wasp, hornet]);
  const progress: number[] = [];
  for await (const { resources } of job) {
    const { status, progress: reached } = resources[0] ?? {};
    if (status !== "processing" || reached === undefined || reached === progress.at(-1)) continue;
    progress.push(reached);
    // An update that nobody has read gives way to a newer one: there is none before this one was read.
    sd.tell({ step: true });
  }
  expect(progress).toEqual([0, 25.5, 50, 75.25]);
  expect((await job.result).resources).toMatchObject([
    { hash: wasp.hash, status: "success" },
    { hash: hornet.hash, status: "success" },
  ]);
  const hashes = async () => (await link.listResources()).map(({ hash }) => hash).sort();
  expect(await hashes()).toEqual([OLD, wasp.hash, hornet.hash].sort());

  await link.removeResources([{ type: "lora", hash: OLD }]);
  expect(await hashes()).toEqual([wasp.hash, hornet.hash].sort());
  await sd.next("command", (data) => data?.type === "resources:remove");

  const activities = await link.listActivities();
  expect(activities.map(({ type }) => type)).toEqual(["resources:add", "resources:add"]);
  expect(sd.story).not.toContain("error");
});

test("a download by a shipped extension is canceled, by the job and by its id", async () => {
  const { link, sd } = await pair();
  const job = link.addResources([file("unwanted.safetensors", "cd")]);
  await sd.next("command", (data) => data?.id === job.id);
  job.cancel();
  expect(await codeOf(job.result)).toBe("CANCELED");

  const other = link.addResources([file("unwanted-too.safetensors", "ef")]);
  await sd.next("command", (data) => data?.id === other.id);
  const { type, hash } = file("unwanted-too.safetensors", "ef");
  expect(await link.cancelAdd(other.id, [{ type, hash }])).toMatchObject([{ status: "canceled" }]);
  expect(await codeOf(other.result)).toBe("CANCELED");
});

test("what a shipped extension cannot do is refused with a code, and the link lives on", async () => {
  const { link } = await pair();
  expect(await codeOf(link.txt2img({ params: { prompt: "a bee" } }).result)).toBe(
    "COMMAND_UNSUPPORTED",
  );
  expect(await codeOf(link.describe())).toBe("COMMAND_UNSUPPORTED");
  expect(await link.listResources()).toHaveLength(1);
});

test("commands wait for a shipped extension that was cut off, and are answered when it is back", async () => {
  const { link, sd } = await pair();
  const waiting = reaches(link, "waiting");
  sd.tell({ drop: true });
  await waiting;
  const listing = link.listResources();
  expect(await listing).toHaveLength(1);
  expect(link.state).toBe("linked");
});

test("10,000 models of a shipped extension reach our client in one list", async () => {
  const { link, sd } = await pair();
  await link.listResources();
  const changed = new Promise<string>((resolve) => link.on("changed", resolve));
  sd.tell({ flood: true });
  expect(await changed).toBe("resources");
  expect(await link.listResources()).toHaveLength(10_000);
  expect(link.state).toBe("linked");
});

test("two clients of ours and one shipped extension do not keep each other asking", async () => {
  const { server, link, sd, key } = await pair();
  const other = await joinRoom(server, { key: key() });
  await reaches(other, "linked");
  for (const each of [link, other]) {
    each.on("changed", (what) => {
      if (what === "resources") void each.listResources();
    });
  }
  await link.addResources([file("wasp.safetensors", "cd")]).result;
  await Promise.all([link, other].map((each) => each.listResources()));
  // A command of each, sent last, is heard last: whatever they asked for in between came before.
  const [first, second] = await Promise.all([link.clearActivities(), other.clearActivities()]);
  expect([first, second]).toEqual([undefined, undefined]);
  const asked = sd.heard.filter(
    ({ event, data }) => event === "command" && data?.type === "resources:list",
  );
  // One each, asked for above, and one each for every push that was news.
  expect(asked.length).toBeLessThanOrEqual(6);
});

test("our own extension takes over from a shipped one in the middle of a link", async () => {
  const scene = await LinkScene.open();
  await scene.first.extension.close();
  const link = await scene.connect();
  const sd = new PythonPeer(scene.server, "sd", scene.key);
  await reaches(link, "linked");
  expect(await link.listResources()).toHaveLength(1);
  const waiting = reaches(link, "waiting");
  sd.tell({ quit: true });
  await waiting;
  const kind = new Promise<string>((resolve) => link.on("extension", resolve));
  await scene.openExtension();
  expect(await kind).toBe("beeline");
  expect((await link.describe()).backend.demo).toBe(true);
});
