/**
 * What surrounds civitai-link-desktop's main process, as far as its link code looks: Electron without
 * a window, its store as a file, an HTTP client, and civitai.com's answer to what a hash is.
 *
 *     desktop-host.ts CHECKOUT LINK-SERVER HOME
 *
 * Its files are loaded as they are, through Vite's module runner, and started in the order of its own
 * entry point. Reads lines of JSON: {"pair": key} as its first screen does, {"tell": true}. Answers
 * are printed after "@@"; whatever else is printed is the app's own.
 */

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createServer, type Plugin } from "vite";

const [checkout = "", server = "", home = ""] = process.argv.slice(2);
process.env.TRIAL_HOME = home;

/** Packages that the code imports, each a file of ours or nothing. */
const STAND_INS = new Set(["axios", "electron", "electron-store"]);
const UNUSED = new Set([
  "@electron-toolkit/utils",
  "chokidar",
  "electron-updater",
  "lodash/difference",
  "lodash/uniqBy",
  "workerpool",
]);

/** The checkout's own extends one of a package that need not be installed. Vite's types lack this. */
const WITHOUT_TSCONFIG = { tsconfig: false };

function surroundings(): Plugin {
  return {
    name: "surroundings-of-the-desktop-app",
    enforce: "pre",
    resolveId(name) {
      if (STAND_INS.has(name)) {
        return fileURLToPath(new URL(`./desktop/${name}.ts`, import.meta.url));
      }
      if (name === "socket.io-client") return { id: import.meta.resolve(name), external: true };
      return UNUSED.has(name) || name === "uuid" || name.endsWith("?asset")
        ? `\0${name}`
        : undefined;
    },
    load(name) {
      if (name === "\0uuid") return 'export { randomUUID as v4 } from "node:crypto";';
      if (!name.startsWith("\0")) return undefined;
      return `
        const none = () => undefined;
        export const is = { dev: false };
        export const autoUpdater = { checkForUpdatesAndNotify: none };
        export default { pool: () => ({ exec: none, terminate: none }) };`;
    },
  };
}

const vite = await createServer({
  root: checkout,
  configFile: false,
  envDir: false,
  cacheDir: `${home}/vite`,
  appType: "custom",
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, watch: null, ws: false },
  optimizeDeps: { noDiscovery: true, include: [] },
  oxc: { include: /\.ts$/, ...WITHOUT_TSCONFIG },
  define: {
    "import.meta.env.MAIN_VITE_SOCKET_URL": JSON.stringify(server),
    __dirname: JSON.stringify(home),
  },
  plugins: [surroundings()],
});

// As the app does: it logs what nobody caught, and lives on.
process.on("unhandledRejection", (reason) => process.stdout.write(`unhandled: ${reason}\n`));

const load = (file: string) => vite.ssrLoadModule(`/src/main/${file}`);
const { createWindow } = await load("browser-window.ts");
const { socket, socketIOConnect } = await load("socket.ts");
const { eventSetKey } = await load("events/set-key.ts");
const { getUpgradeKey } = await load("store/store.ts");
const { app } = await vite.ssrLoadModule("electron");

const tell = (value: object) => process.stdout.write(`@@${JSON.stringify(value)}\n`);
createWindow();
socketIOConnect({ app });
// A key that is typed sooner is sent before the app has said who it is, and refused.
await new Promise((resolve) => socket.once("connect", resolve));
tell({ started: true });

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as { pair?: string };
  if (asked.pair !== undefined) eventSetKey(undefined, asked.pair);
  else tell({ told: getUpgradeKey() ?? null });
}
process.exit(0);
