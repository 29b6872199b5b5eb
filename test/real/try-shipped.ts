/**
 * Tries the shipped clients' own code: `npm run try:shipped -- <checkout> [<checkout> …]`.
 *
 * A checkout is one that you have: civitai/sd_civitai_extension (the A1111 extension). Its link code
 * is loaded as it is, with stand-ins of our own for what surrounds it (test/real/shipped), and driven
 * against a real Beeline server. Nothing is written into the checkout, nothing is asked of the
 * network but this machine. `npm test` does not run it, for the code is not ours to carry.
 */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { a1111Extension } from "./shipped/a1111.ts";
import { ModelSite } from "./shipped/model-site.ts";
import { Report, say } from "./shipped/report.ts";
import { tryExtension } from "./shipped/trial.ts";
import { startTrialServer } from "./shipped/trial-server.ts";
import { tryWebsite, WEBSITE_FILE } from "./shipped/website.ts";

/** The file that tells which one a checkout is of, and how it is tried. */
const TRIALS: Readonly<Record<string, (checkout: string, home: string) => Promise<number>>> = {
  "civitai/link.py": async (checkout, home) => {
    const [server, models] = [await startTrialServer(), await ModelSite.open()];
    const report = new Report();
    await tryExtension(a1111Extension(checkout, home), server, models, report);
    await models.close();
    await server.close();
    return report.failures;
  },
  [WEBSITE_FILE]: tryWebsite,
};

const checkouts = process.argv.slice(2);
if (checkouts.length === 0) {
  say("npm run try:shipped -- <checkout of civitai/sd_civitai_extension>");
  process.exit(2);
}
let failures = 0;
for (const checkout of checkouts.map((each) => resolve(each))) {
  const found = Object.entries(TRIALS).find(([file]) => existsSync(join(checkout, file)));
  if (found === undefined) {
    say(`${checkout} has none of ${Object.keys(TRIALS).join(", ")}`);
    process.exit(2);
  }
  const [file, run] = found;
  say(`${file} of ${checkout}`);
  const home = await mkdtemp(join(tmpdir(), "beeline-shipped-"));
  failures += await run(checkout, home);
  await rm(home, { recursive: true, force: true });
}
say(failures === 0 ? "Everything held." : `${failures} did not hold.`);
process.exit(failures === 0 ? 0 : 1);
