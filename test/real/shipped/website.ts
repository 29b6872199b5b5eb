/**
 * civitai's website in a checkout: its shared worker, which holds the link, run as it is in a real
 * Chromium and told what the site's buttons tell it. Beeline's own extension is at the other end.
 *
 * Vite's development server hands the worker's files out one by one; what they import from packages
 * that a checkout has not installed (`uuid`, `idb-keyval`) and from the site's settings is ours.
 */

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  DemoBackend,
  type Extension,
  openCommandService,
  openExtension,
  seedDemoResources,
} from "@beeline/extension";
import type { Page } from "playwright-core";
import { createServer, type Plugin } from "vite";
import { launchChromium } from "../../support/chromium.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import type { Payload } from "./link-site.ts";
import { type Model, ModelSite } from "./model-site.ts";
import { expect, type Report } from "./report.ts";
import { startTrialServer } from "./trial-server.ts";

export const WEBSITE_FILE = "src/workers/civitai-link.worker.ts";

/** Downloads take four seconds, reconnecting five. */
const PATIENCE_MS = 40_000;

/** What the worker says, by type: the last of each, and how many. */
interface Told {
  readonly last: Record<string, { payload: unknown; msg?: string }>;
  readonly errors: string[];
}

const PAGE = `<!doctype html><title>trial</title><script type="module">
  const worker = new SharedWorker("/${WEBSITE_FILE}", { type: "module", name: "civitai-link" });
  globalThis.told = { last: {}, errors: [] };
  worker.onerror = (event) => told.errors.push("worker: " + event.message);
  worker.port.onmessage = ({ data }) => {
    told.last[data.type] = data;
    if (data.type === "error") told.errors.push(data.msg);
  };
  globalThis.tell = (message) => worker.port.postMessage(message);
</script>`;

export async function tryWebsite(checkout: string, home: string, report: Report): Promise<void> {
  const models = await ModelSite.open();
  const settings = { server: "" };
  const vite = await createServer({
    root: checkout,
    configFile: false,
    envDir: false,
    publicDir: false,
    cacheDir: join(home, "vite"),
    appType: "custom",
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null, fs: { strict: false } },
    optimizeDeps: { noDiscovery: true, include: [] },
    plugins: [surroundings(checkout, settings)],
  });
  await vite.listen();
  const address = vite.httpServer?.address();
  if (address === null || typeof address !== "object") throw new Error("vite does not listen");
  const origin = `http://127.0.0.1:${address.port}`;
  const server = await startTrialServer([origin]);
  const wire = await TcpProxy.open(server.port);
  settings.server = wire.url;
  const extension = await openBeeline(home);
  const browser = await launchChromium();
  const context = await browser.newContext();
  const open = async () => {
    const page = await context.newPage();
    await page.goto(`${origin}/trial.html`);
    return page;
  };
  await drive({ page: await open(), open, extension, server: server.url, wire, models, report });
  await browser.close();
  await extension.close();
  await wire.close();
  await server.close();
  await vite.close();
  await models.close();
}

interface Trial {
  readonly page: Page;
  readonly open: () => Promise<Page>;
  readonly extension: Extension;
  readonly server: string;
  readonly wire: TcpProxy;
  readonly models: ModelSite;
  readonly report: Report;
}

async function drive({ page, open, extension, server, wire, models, report }: Trial) {
  const check = report.check.bind(report);
  const instance = (on = page) => told(on, "instance");
  const resources = (on = page) => told(on, "resourcesUpdate");
  const linked = (on = page) => until(on, "instance", "each.connected && each.key === null");
  const command = async (type: string, fields: Payload) => {
    const id = randomUUID();
    await tell(page, { type: "command", payload: { id, type, ...fields } });
    return id;
  };
  const activity = (id: string, also: string) =>
    until(page, "activitiesUpdate", `each.some((one) => one.id === "${id}" && ${also})`);
  const asShipped = ({ name, hash, url }: Model) => ({
    resource: { type: "LORA", hash: hash.toUpperCase(), name, modelName: name, url },
  });

  await check("starts, and has no links yet", () =>
    until(page, "instancesUpdate", "each.length === 0"),
  );
  await check("creates a link and shows a short key", async () => {
    await tell(page, { type: "create" });
    await until(page, "instance", "each.key !== null");
  });
  await check("is linked when the extension has paired", async () => {
    const { key } = (await instance()) as { key: string };
    expect(/^[0-9a-f]{6}$/.test(key), `the key is ${key.length} characters long`);
    extension.pair(server, key);
    await linked();
  });
  await check("lists resources by itself", async () => {
    await until(page, "resourcesUpdate", "each.length > 0");
    return `${((await resources()) as unknown[]).length} resources`;
  });
  const added = models.add("added.safetensors");
  await check("adds a file, with progress", async () => {
    const id = await command("resources:add", asShipped(added));
    // As the site's button finds it: by its hash in small letters.
    await activity(id, `one.status === "processing" && one.resource.hash === "${added.hash}"`);
    await activity(id, "one.progress > 0");
    await until(page, "resourcesUpdate", `each.some((one) => one.hash === "${added.hash}")`);
    await activity(id, 'one.status === "success"');
  });
  await check("cancels a download", async () => {
    const unwanted = models.add("unwanted.safetensors");
    const id = await command("resources:add", asShipped(unwanted));
    await until(
      page,
      "resourcesUpdate",
      `each.some((one) => one.hash === "${unwanted.hash}" && one.downloading)`,
    );
    await command("activities:cancel", { activityId: id });
    await activity(id, 'one.status === "canceled"');
    await until(page, "resourcesUpdate", `!each.some((one) => one.hash === "${unwanted.hash}")`);
  });
  await check("removes a file", async () => {
    const found = ((await resources()) as Payload[]).find(({ hash }) => hash === added.hash);
    await command("resources:remove", { resource: { ...found, modelName: "added" } });
    await until(page, "resourcesUpdate", `!each.some((one) => one.hash === "${added.hash}")`);
  });
  await check("a second tab sees the same link", async () => {
    const tab = await open();
    await linked(tab);
    await until(tab, "resourcesUpdate", "each.length > 0");
    await tab.close();
  });
  await check("comes back by itself after the server was away", async () => {
    wire.cut();
    await until(page, "instance", "!each.connected");
    wire.mend();
    await linked();
  });
  await check("renames the link", async () => {
    const { id } = (await instance()) as { id: number };
    await tell(page, { type: "rename", id, name: "My PC" });
    await until(page, "instancesUpdate", 'each[0]?.name === "My PC"');
  });
  await check("gives the link a new key, which ends the old one", async () => {
    const { id } = (await instance()) as { id: number };
    await tell(page, { type: "create", id });
    await until(page, "instance", "each.key?.length === 6 && !each.connected");
    extension.pair(server, ((await instance()) as { key: string }).key);
    await linked();
  });
  await check("deletes the link", async () => {
    const { id } = (await instance()) as { id: number };
    await tell(page, { type: "delete", id });
    await until(page, "instancesUpdate", "each.length === 0");
  });
  await check("told of no error", async () => {
    const { errors } = (await page.evaluate("told")) as Told;
    expect(errors.length === 0, errors.join("; "));
  });
}

/** The last thing of that type that the worker told the page. */
async function told(page: Page, type: string): Promise<unknown> {
  return await page.evaluate(`told.last.${type}?.payload`);
}

async function tell(page: Page, message: object): Promise<void> {
  await page.evaluate(`tell(${JSON.stringify(message)})`);
}

/** @param holds of `each`, the last payload of that type. */
async function until(page: Page, type: string, holds: string): Promise<void> {
  const script = `(() => { const each = told.last.${type}?.payload; return each !== undefined && (${holds}); })()`;
  try {
    await page.waitForFunction(script, undefined, { timeout: PATIENCE_MS });
  } catch {
    const { errors } = (await page.evaluate("told")) as Told;
    const is = JSON.stringify(await told(page, type)).slice(0, 300);
    throw new Error(`never: ${holds}; ${type} is ${is}; errors: ${errors.join("; ")}`);
  }
}

async function openBeeline(home: string): Promise<Extension> {
  const modelsDir = join(home, "models");
  await seedDemoResources(modelsDir);
  const backend = new DemoBackend({ stepMs: 0, previewMs: 0 });
  const policy = { allowHosts: ["127.0.0.1"], allowInsecure: true };
  const about = { name: "trial", version: "0.0.0" };
  const dataDir = join(home, "data");
  const service = await openCommandService({ dataDir, modelsDir, backend, ...about, ...policy });
  const configDir = join(home, "config");
  return await openExtension({ service, configDir, name: about.name, createPeer: undefined });
}

/** What the worker imports from elsewhere, and the page that it serves. */
function surroundings(checkout: string, settings: { readonly server: string }): Plugin {
  const require = createRequire(import.meta.url);
  const modules: Readonly<Record<string, () => string>> = {
    "~/env/client": () =>
      `export const env = ${JSON.stringify({ NEXT_PUBLIC_CIVITAI_LINK: settings.server })};`,
    uuid: () => "export const v4 = () => crypto.randomUUID();",
    "idb-keyval": () =>
      `const kept = new Map();
       export const get = async (name) => kept.get(name);
       export const set = async (name, value) => void kept.set(name, value);
       export const del = async (name) => void kept.delete(name);`,
  };
  return {
    name: "surroundings-of-the-website",
    enforce: "pre",
    resolveId(name) {
      if (Object.hasOwn(modules, name)) return `\0${name}`;
      if (name === "socket.io-client") {
        return join(
          require.resolve("socket.io-client/package.json"),
          "../dist/socket.io.esm.min.js",
        );
      }
      return name.startsWith("~/") ? join(checkout, "src", `${name.slice(2)}.ts`) : undefined;
    },
    load: (name) => modules[name.slice(1)]?.(),
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        if (request.url !== "/trial.html") return next();
        response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
      });
    },
  };
}
