/**
 * `npm run bench:tables -- file.json`: prints the tables that bench/README.md shows of a run; with
 * `--write` they take the place of those that are in it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readmeTables, withResults } from "./report/readme.ts";
import { parseResults } from "./report/result-schema.ts";

const README = fileURLToPath(new URL("README.md", import.meta.url));

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [name] = positionals;
if (name === undefined) {
  console.error("npm run bench:tables -- results/<date>-<commit>.json [--write]");
  process.exit(2);
}
const file = parseResults(readFileSync(name, "utf8"), name);
if (values.write) {
  const shown = withResults(readFileSync(README, "utf8"), `results/${basename(name)}`, file);
  writeFileSync(README, shown);
} else {
  console.log(readmeTables(file));
}
