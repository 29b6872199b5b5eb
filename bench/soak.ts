/**
 * Pictures drawn through two server processes while things fail, for as long as asked.
 *
 *     npx tsx --conditions=@beeline/source bench/soak.ts [--minutes 2] [--held 40]   (after npm run build)
 *
 * A real PostgreSQL, a real Redis, two `beeline server` processes behind a small balancer, a real
 * extension with the demo renderer and two real clients that only have the relay, and beside them
 * held pairs that only keep their place in a room. In turns: a process is killed, Redis restarts,
 * PostgreSQL restarts, a hostile peer floods and sends nonsense, a slow one stops reading. Counts what
 * was asked for, what came whole, and what was lost: nothing may be. Prints JSON, and fails if
 * something was lost, a server ended by itself or a held peer stayed away.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect, type Link } from "@beeline/client";
import {
  DemoBackend,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import { realClock } from "@beeline/paths";
import { HeldPairs } from "./soak-held.ts";
import { Hostility } from "./soak-hostile.ts";
import { SoakServers } from "./soak-servers.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    held: { type: "string", default: "40" },
  },
});
const MINUTES = Number(values.minutes);
const HELD = Number(values.held);
const FAULT_EVERY_MS = 8_000;
/**
 * What is not there then is lost, not late: each fault costs some 10 s, on a machine that is busy with
 * other things several times that (how late the latest was is among the figures).
 */
const ANSWER_LIMIT_MS = 240_000;
/** After the last fault. */
const SETTLE_MS = 60_000;
const CLIENTS = 2;

const folder = await mkdtemp(join(tmpdir(), "beeline-soak-"));
const servers = await SoakServers.open(folder);
const { url } = servers;
const figures = { picturesAsked: 0, picturesWhole: 0, listsAsked: 0, listsWhole: 0, lost: 0 };
const slowestMs = { picture: 0, list: 0 };
const faults: Record<string, number> = {};

const { key: shortKey, listed } = await servers.createInstance();
const modelsDir = join(folder, "models");
await seedDemoResources(modelsDir);
const backend = new DemoBackend({ stepMs: 20, previewMs: 0 });
const dataDir = join(folder, "data");
const about = { name: "soak", version: "0.0.0" };
const service = await openCommandService({ dataDir, modelsDir, backend, ...about });
let onActive = (): void => {};
const active = new Promise<void>((resolve) => {
  onActive = resolve;
});
const extension = await openExtension({
  service,
  configDir: join(folder, "config"),
  name: "soak",
  createPeer: undefined,
  onLink: ({ status }) => status === "active" && onActive(),
});
extension.pair(url, shortKey);
await active;
const key = await listed();
const links = await Promise.all(
  Array.from({ length: CLIENTS }, () =>
    connect(
      { server: url, key, clientId: randomBytes(16).toString("hex") },
      { clock: realClock, createPeer: undefined },
    ),
  ),
);
const held = await HeldPairs.open(servers, HELD);
const hostility = new Hostility(url, key);

const FAULTS: Record<string, () => Promise<void>> = {
  "process killed": () => servers.killOne(),
  "redis restarted": () => servers.restart("redis"),
  "database restarted": () => servers.restart("postgres"),
  "hostile socket": () => hostility.flood(),
  "slow socket": () => hostility.stopReading(FAULT_EVERY_MS / 2),
};

/** @returns what came of it, or undefined after a failure or the limit. */
async function timed<T>(what: keyof typeof slowestMs, asked: Promise<T>): Promise<T | undefined> {
  const startedAt = performance.now();
  const limit = wait(ANSWER_LIMIT_MS, undefined, { ref: false });
  const answer = await Promise.race([asked, limit]).catch((error: unknown) => {
    process.stderr.write(`${what}: ${String(error)}\n`);
    return undefined;
  });
  slowestMs[what] = Math.max(slowestMs[what], Math.round(performance.now() - startedAt));
  return answer;
}

async function use(link: Link, endsAt: number): Promise<void> {
  while (Date.now() < endsAt) {
    const seed = ++figures.picturesAsked;
    const params = { prompt: "a bee", width: 768, height: 768, steps: 8, seed };
    const drawn = await timed("picture", link.txt2img({ params }).result);
    const [image] = drawn?.images ?? [];
    const sha256 = image && createHash("sha256").update(image.bytes).digest("hex");
    if (image !== undefined && sha256 === image.sha256) figures.picturesWhole++;
    else figures.lost++;

    figures.listsAsked++;
    const resources = await timed("list", link.listResources());
    if ((resources?.length ?? 0) > 0) figures.listsWhole++;
    else figures.lost++;
  }
}

const endsAt = Date.now() + MINUTES * 60_000;
const failing = (async () => {
  const all = Object.entries(FAULTS);
  for (let turn = 0; Date.now() < endsAt; turn++) {
    const [name, fault] = all[turn % all.length] ?? ["", async () => {}];
    await fault();
    faults[name] = (faults[name] ?? 0) + 1;
    await wait(FAULT_EVERY_MS);
  }
})();
await Promise.all([failing, ...links.map((link) => use(link, endsAt))]);
const heldAtEnd = await held.settled(SETTLE_MS);

const { connections, crashed } = servers;
const { badInputs } = hostility;
const report = {
  minutes: MINUTES,
  ...figures,
  slowestMs,
  faults,
  crashed,
  badInputs,
  connections,
  held: { wanted: 2 * HELD, atEnd: heldAtEnd, ...held.figures },
};
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);

await Promise.all(links.map((link) => link.close(0).catch(() => {})));
held.close();
await extension.close();
await backend.close();
await servers.close();
await rm(folder, { recursive: true, force: true });
process.exit(figures.lost === 0 && crashed === 0 && heldAtEnd === 2 * HELD ? 0 : 1);
