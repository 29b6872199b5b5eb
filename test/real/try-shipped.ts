/**
 * Tries the shipped clients' own code: `npm run try:shipped -- <checkout> [<checkout> …]`.
 *
 * A checkout is one that you have, of any of these: civitai/sd_civitai_extension (A1111's extension),
 * civitai/civitai-link-desktop (the desktop app), civitai/civitai (the website). The code that speaks
 * to a link server is loaded as it is, with stand-ins of our own for what surrounds it
 * (test/real/shipped), and driven against a real Beeline server. Nothing is written into a checkout,
 * nothing is asked of the network but this machine. `npm test` does not run it, for the code is not
 * ours to carry.
 */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { A1111_FILE, a1111Extension } from "./shipped/a1111.ts";
import { DESKTOP_FILE, desktopApp } from "./shipped/desktop.ts";
import { Report, say } from "./shipped/report.ts";
import { type ExtensionUnderTrial, tryExtension } from "./shipped/trial.ts";
import { tryWebsite, WEBSITE_FILE } from "./shipped/website.ts";

type Try = (checkout: string, home: string, report: Report) => Promise<void>;

const extension =
  (open: (checkout: string, home: string) => ExtensionUnderTrial): Try =>
  (checkout, home, report) =>
    tryExtension(open(checkout, home), report);

/** The file that tells which one a checkout is of, and how it is tried. */
const TRIALS: Readonly<Record<string, Try>> = {
  [A1111_FILE]: extension(a1111Extension),
  [DESKTOP_FILE]: extension(desktopApp),
  [WEBSITE_FILE]: tryWebsite,
};

const checkouts = process.argv.slice(2);
if (checkouts.length === 0) {
  say(
    "npm run try:shipped -- <a checkout of sd_civitai_extension, civitai-link-desktop or civitai>",
  );
  process.exit(2);
}
const report = new Report();
for (const checkout of checkouts.map((each) => resolve(each))) {
  const found = Object.entries(TRIALS).find(([file]) => existsSync(join(checkout, file)));
  if (found === undefined) {
    say(`${checkout} has none of ${Object.keys(TRIALS).join(", ")}`);
    process.exit(2);
  }
  const [file, run] = found;
  say(`${file} of ${checkout}`);
  const home = await mkdtemp(join(tmpdir(), "beeline-shipped-"));
  await run(checkout, home, report);
  await rm(home, { recursive: true, force: true });
}
say(report.failures === 0 ? "Everything held." : `${report.failures} did not hold.`);
process.exit(report.failures === 0 ? 0 : 1);
