/** sd_civitai_extension in a checkout, run in a stand-in of AUTOMATIC1111's web UI (a1111-host.py). */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programOf } from "../../support/services.ts";
import { Hosted } from "./hosted.ts";
import type { ExtensionUnderTrial } from "./trial.ts";

const HOST = fileURLToPath(new URL("./a1111-host.py", import.meta.url));
const KEY = "civitai_link_key";

export const A1111_FILE = "civitai/link.py";

export function a1111Extension(checkout: string, home: string): ExtensionUnderTrial {
  const folder = join(home, "models", "Lora");
  return {
    folder,
    // With a third of them, and a smaller limit at the server, it connected and disconnected for ever.
    library: 10_000,
    async seed(models) {
      await mkdir(folder, { recursive: true });
      for (const { name, bytes } of models) await writeFile(join(folder, name), bytes);
    },
    async start(server) {
      const host = await Hosted.start(programOf("python3-socketio"), [
        HOST,
        checkout,
        server,
        home,
      ]);
      return {
        pair: (key) => host.tell({ set: [KEY, key] }),
        key: () => host.ask({ tell: KEY }),
        stop: () => host.stop(),
      };
    },
    lacks: new Set(),
  };
}
