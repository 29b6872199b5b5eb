/**
 * A real Chromium on a host of the lab. Playwright speaks to it through pipes, which do not care
 * about network namespaces. It ends with the lab, if it is not closed before.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium } from "../../support/chromium.ts";
import type { Host } from "../host.ts";

export function launchBrowser(host: Host): Promise<Browser> {
  return launchChromium((program) => {
    const wrapper = join(host.folder, "chromium.sh");
    const command = [...host.enter, program].map(quoted).join(" ");
    writeFileSync(wrapper, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    return wrapper;
  });
}

/** One word for the shell, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
