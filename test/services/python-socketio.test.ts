/** The shipped dialect, spoken by the library and in the language of the shipped extension. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Changes } from "../support/deadline.ts";
import { LinkScene } from "../support/link-scene.ts";
import { ask, ShippedPeer, startLinkServer, type TestServer } from "../support/link-server.ts";
import { programOf } from "../support/services.ts";

const SCRIPT = fileURLToPath(new URL("../support/shipped-peer.py", import.meta.url));
/** Python starts, connects by polling and upgrades; on two busy cores. */
const PATIENCE_MS = 45_000;

type Data = Record<string, unknown> | null;

class PythonPeer {
  readonly #child: ChildProcess;
  readonly #changes = new Changes();
  readonly heard: { event: string; data: Data }[] = [];
  #taken = 0;
  #text = "";
  #errors = "";

  constructor({ url }: Pick<TestServer, "url">, kind: "sd" | "client", key: string) {
    this.#child = spawn(programOf("python3-socketio"), [SCRIPT, url, kind, key]);
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#child.stderr?.on("data", (text) => {
      this.#errors += text;
    });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  /** The next event of this name, passing over those before it. */
  async next(event: string, matches: (data: Data) => boolean = () => true): Promise<Data> {
    const what = () => `${event} after ${this.story.join(", ")}\n${this.#errors}`;
    const found = await this.#changes
      .until(PATIENCE_MS, event, () => {
        const at = this.heard.findIndex(
          (heard, index) => index >= this.#taken && heard.event === event && matches(heard.data),
        );
        return at < 0 ? undefined : at;
      })
      .catch(() => Promise.reject(new Error(`never heard: ${what()}`)));
    this.#taken = found + 1;
    return this.heard[found]?.data ?? null;
  }

  get story(): string[] {
    return this.heard.map(({ event }) => event);
  }

  command(id: string, type: string, more: object = {}): void {
    this.tell({ emit: "command", data: { id, type, createdAt: "2026-01-01", ...more } });
  }

  tell(line: object): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    this.heard.push(...lines.map((line) => JSON.parse(line) as { event: string; data: Data }));
    this.#changes.notify();
  }
}

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
  return { ...instance, key, site, sd };
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

  site.command("add-2", "resources:add", { resource, slowly: true });
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
