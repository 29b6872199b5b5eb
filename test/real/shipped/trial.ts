/**
 * What a shipped extension is put through, by a shipped site and then by our own client: pairing,
 * rekey, list, add with progress, cancel, remove, drop and reconnect, a restart, and the end.
 *
 * The extension reaches the server through a wire that the trial can cut.
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type Link } from "@beeline/client";
import { realClock } from "@beeline/paths";
import { BeelineError, type ResourceToAdd } from "@beeline/protocol";
import { Changes } from "../../support/deadline.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { LinkSite, type Payload } from "./link-site.ts";
import { type Model, ModelSite, tinyModel } from "./model-site.ts";
import { expect, type Report } from "./report.ts";
import { startTrialServer, type TrialServer } from "./trial-server.ts";

/** Downloads take four seconds, an interrupted one is asked again after ten, reconnecting takes five. */
const PATIENCE_MS = 60_000;

const OUTAGE_MS = 2_500;

export interface RunningExtension {
  /** Types the short key into its settings. */
  pair(key: string): void;
  /** The key that it holds now. */
  key(): Promise<unknown>;
  stop(): Promise<void>;
}

export interface ExtensionUnderTrial {
  /** Where its LoRAs are. */
  readonly folder: string;
  /** How many models it has: as many as it can bear. */
  readonly library: number;
  /** Puts files where it finds them. */
  seed(models: readonly Model[]): Promise<void>;
  start(server: string): Promise<RunningExtension>;
  /** What this one is known not to do. */
  readonly lacks: ReadonlySet<"answers to activities" | "a reply to cancel">;
}

const ofType = (type: string) => (payload: Payload) => payload.type === type;
const holds = (payload: Payload, hash: string, downloading = false) =>
  payload.type === "resources:list" &&
  (payload.resources as Payload[]).some(
    (each) => each.hash === hash && (each.downloading === true) === downloading,
  );

export async function tryExtension(trial: ExtensionUnderTrial, report: Report): Promise<void> {
  const server = await startTrialServer();
  const models = await ModelSite.open();
  const wire = await TcpProxy.open(server.port);
  const site = new LinkSite(server.url);
  const running: Surroundings["running"] = { extension: undefined };
  await tryLink(trial, { server, models, wire, site, running, report });
  site.close();
  await running.extension?.stop();
  await wire.close();
  await models.close();
  await server.close();
}

interface Surroundings {
  readonly server: TrialServer;
  readonly models: ModelSite;
  readonly wire: TcpProxy;
  readonly site: LinkSite;
  /** What has to be stopped in the end. */
  readonly running: { extension: RunningExtension | undefined };
  readonly report: Report;
}

async function tryLink(
  trial: ExtensionUnderTrial,
  { server, models, wire, site, running, report }: Surroundings,
): Promise<void> {
  const check = report.check.bind(report);
  const old = models.add("old.safetensors");
  await trial.seed([old, ...Array.from({ length: trial.library }, (_, index) => tinyModel(index))]);
  const instance = await server.createInstance();
  let extension = await trial.start(wire.url);
  running.extension = extension;
  const names = async () =>
    (await readdir(trial.folder)).filter((name) => name.endsWith("tensors"));
  const asShipped = ({ name, hash, url }: Model) => ({
    // Sites write hashes in capitals and compare them in small letters.
    resource: { type: "LORA", hash: hash.toUpperCase(), name, modelName: name, url },
  });

  let key = "";
  const isPaired = await check(
    "pairs by the short key, which is replaced for both sides before presence",
    async () => {
      expect((await site.join(instance.key)).success, "the site was not let in");
      extension.pair(instance.key);
      key = String((await site.next("upgradeKey")).key);
      expect(/^[0-9a-f]{128}$/.test(key), "no lasting key");
      await site.next("roomPresence", ({ client, sd }) => client === 1 && sd === 1);
      await poll(
        async () => (await extension.key()) === key,
        "the extension holds the lasting key",
      );
    },
  );
  if (!isPaired) return;
  await check("lists what it has", async () => {
    const listed = await site.status(site.command("resources:list"), "success");
    expect(holds(listed, old.hash), "its file is not listed");
    const count = (listed.resources as unknown[]).length;
    expect(count === trial.library + 1, `it listed ${count}`);
    return `${count} resources in ${Math.round(JSON.stringify(listed).length / 1000)} kB`;
  });

  const added = models.add("added.safetensors");
  await check("adds a file, with progress, and pushes its list", async () => {
    const id = site.command("resources:add", asShipped(added));
    await site.next("commandStatus", (payload) => holds(payload, added.hash, true));
    const { progress, speed, resource } = await site.next(
      "commandStatus",
      (payload) => payload.id === id && Number(payload.progress) > 0,
    );
    expect((resource as Payload).hash === added.hash, "the hash is not in small letters");
    await site.status(id, "success");
    await site.next("commandStatus", (payload) => holds(payload, added.hash));
    const onDisk = await readFile(join(trial.folder, added.name));
    expect(onDisk.equals(added.bytes), "the file is not what was sent");
    return `${Number(progress).toFixed(1)} % at ${Math.round(Number(speed) / 1000)} kB/s`;
  });
  await check("cancels a download", async () => {
    const unwanted = models.add("unwanted.safetensors");
    const id = site.command("resources:add", asShipped(unwanted));
    await site.next(
      "commandStatus",
      (payload) => payload.id === id && Number(payload.progress) > 0,
    );
    const cancel = site.command("activities:cancel", { activityId: id });
    if (!trial.lacks.has("a reply to cancel")) await site.status(cancel, "success");
    await site.status(id, "canceled");
    expect(!(await names()).includes(unwanted.name), "the file is there");
  });
  if (!trial.lacks.has("answers to activities")) {
    await check("lists and clears activities", async () => {
      const listed = await site.status(site.command("activities:list"), "success");
      const count = (listed.activities as unknown[]).length;
      expect(count >= 2, `${count} activities`);
      const cleared = await site.status(site.command("activities:clear"), "success");
      expect((cleared.activities as unknown[]).length === 0, "not cleared");
      return `${count}, then none`;
    });
  }
  await check("removes a file", async () => {
    await site.status(site.command("resources:remove", asShipped(added)), "success");
    await site.next("commandStatus", ofType("resources:list"));
    expect(!(await names()).includes(added.name), "the file is still there");
  });
  await check("never lost its connection so far", async () => {
    const changes = site.count("roomPresence");
    expect(changes === 2, `presence was told ${changes} times`);
  });
  await check(
    "comes back by itself after its connection broke, under the lasting key",
    async () => {
      wire.cut();
      await site.next("roomPresence", ({ sd }) => sd === 0);
      wire.mend();
      await site.next("roomPresence", ({ sd }) => sd === 1);
      await site.status(site.command("resources:list"), "success");
    },
  );
  await check("comes back after it was started anew", async () => {
    await extension.stop();
    await site.next("roomPresence", ({ sd }) => sd === 0);
    extension = await trial.start(wire.url);
    running.extension = extension;
    await site.next("roomPresence", ({ sd }) => sd === 1);
    await site.status(site.command("resources:list"), "success");
  });

  await tryOurClient(trial, { server: server.url, key, wire, models, report, names });

  await check("is told that its link was deleted, and forgets the key", async () => {
    await server.deleteInstance(instance.id);
    await site.next("kicked");
    await poll(async () => (await extension.key()) === null, "the extension forgot the key");
  });
  await check("heard no error, and neither did the site", async () => {
    expect(site.count("error") === 0, "the server sent error events");
  });
}

interface OurTrial {
  readonly server: string;
  readonly key: string;
  readonly wire: TcpProxy;
  readonly models: ModelSite;
  readonly report: Report;
  readonly names: () => Promise<string[]>;
}

/** The same commands from `@beeline/client`. */
async function tryOurClient(trial: ExtensionUnderTrial, ours: OurTrial): Promise<void> {
  const { models, names, wire } = ours;
  const check = (what: string, work: () => Promise<unknown>) =>
    ours.report.check(`our own client: ${what}`, work);
  const link = await connect(
    { server: ours.server, key: ours.key },
    { clock: realClock, createPeer: undefined },
  );
  const lora = ({ name, hash, url }: Model): ResourceToAdd => ({ type: "lora", name, hash, url });

  await check("is linked and knows what it is linked to", async () => {
    await stateOf(link, "linked");
    expect(link.extension === "shipped", String(link.extension));
    return `${link.path.kind}, ${link.path.reason}`;
  });
  await check("lists", async () => `${(await link.listResources()).length} resources`);
  const model = models.add("ours.safetensors");
  await check("adds with progress", async () => {
    const seen: number[] = [];
    const job = link.addResources([lora(model)]);
    for await (const { resources } of job) seen.push(Math.round(resources[0]?.progress ?? 0));
    await job.result;
    expect((await names()).includes(model.name), "the file is not there");
    expect(
      seen.some((progress) => progress > 0 && progress < 100),
      `only ${seen.join()}`,
    );
    return `${seen.join(", ")} %`;
  });
  await check("adding what is there already succeeds", () =>
    link.addResources([lora(model)]).result.then(() => undefined),
  );
  await check("cancels", async () => {
    const unwanted = models.add("ours-unwanted.safetensors");
    const job = link.addResources([lora(unwanted)]);
    for await (const { resources } of job) if ((resources[0]?.progress ?? 0) > 0) job.cancel();
    const code = await job.result.then(
      () => "none",
      (thrown) => BeelineError.from(thrown).code,
    );
    expect(code === "CANCELED", `it ended with ${code}`);
    expect(!(await names()).includes(unwanted.name), "the file is there");
  });
  await check("adds to the end although the extension's connection breaks on the way", async () => {
    const long = models.add("ours-interrupted.safetensors");
    const job = link.addResources([lora(long)]);
    for await (const { resources } of job) {
      if ((resources[0]?.progress ?? 0) === 0) continue;
      wire.cut();
      break;
    }
    await stateOf(link, "waiting");
    // A1111's extension loses a download when it cannot report on it, which it does every second.
    await wait(OUTAGE_MS);
    wire.mend();
    await job.result;
    const onDisk = await readFile(join(trial.folder, long.name));
    expect(onDisk.equals(long.bytes), "the file is not what was sent");
  });
  await check("lists activities", async () => {
    const listed = await link.listActivities();
    return listed.map(({ type, status }) => `${type} ${status}`).join(", ");
  });
  await check("removes", async () => {
    await link.removeResources([lora(model)]);
    expect(!(await names()).includes(model.name), "the file is still there");
  });
  await check("a picture is refused with a code and a remedy", async () => {
    const error = await link
      .txt2img({ params: { prompt: "a bee" } })
      .result.catch(BeelineError.from);
    expect(error instanceof BeelineError && error.code === "COMMAND_UNSUPPORTED", "it was not");
    return `${error.detail}. ${error.remedy}`;
  });
  await link.close(0);
}

function stateOf(link: Link, wanted: Link["state"]): Promise<true> {
  const changes = new Changes();
  link.on("state", () => changes.notify());
  return changes.until(PATIENCE_MS, `the link is ${wanted}`, () =>
    link.state === wanted ? true : undefined,
  );
}

/** For what the extension does not tell of itself. */
async function poll(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    expect(performance.now() < deadlineMs, `never: ${what}`);
    await wait(100);
  }
}
