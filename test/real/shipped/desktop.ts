/** civitai-link-desktop in a checkout: its main process, in a stand-in of Electron (desktop-host.ts). */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Hosted } from "./hosted.ts";
import type { ExtensionUnderTrial } from "./trial.ts";

const HOST = fileURLToPath(new URL("./desktop-host.ts", import.meta.url));

export const DESKTOP_FILE = "src/main/socket.ts";

export function desktopApp(checkout: string, home: string): ExtensionUnderTrial {
  const folder = join(home, "models", "Lora");
  return {
    folder,
    // It sorts its list in quadratic time: ten thousand keep it from answering for a minute.
    library: 1_000,
    async seed(models) {
      await mkdir(folder, { recursive: true });
      const files: Record<string, object> = {};
      for (const { name, hash, bytes } of models) {
        const localPath = join(folder, name);
        await writeFile(localPath, bytes);
        files[hash] = { type: "LORA", hash, name, modelName: name, localPath };
      }
      const config = { rootResourcePath: join(home, "models"), files };
      await writeFile(join(home, "config.json"), JSON.stringify(config));
    },
    async start(server) {
      // The same loader of TypeScript as this process has.
      const args = [...process.execArgv, HOST, checkout, server, home];
      const host = await Hosted.start(process.execPath, args);
      return {
        pair: (key) => host.tell({ pair: key }),
        key: () => host.ask({ tell: true }),
        stop: () => host.stop(),
      };
    },
    lacks: new Set(["answers to activities", "a reply to cancel"]),
  };
}
