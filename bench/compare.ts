/**
 * `npm run bench:compare -- old.json new.json`: says which differences are beyond the noise.
 *
 * Ends with 0 when nothing of ours is worse, 1 when something is, 2 when the files cannot be compared.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compare, exitCodeOf, LEAST_RATIO } from "./report/compare.ts";
import { comparisonText } from "./report/comparison-text.ts";
import { parseResults } from "./report/result-schema.ts";

const { values, positionals } = parseArgs({
  options: { force: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [before, after] = positionals;
if (before === undefined || after === undefined) {
  console.error(
    `npm run bench:compare -- old.json new.json [--force]\n\nSays which cells changed by ${LEAST_RATIO} or more, beyond the noise.`,
  );
  process.exit(2);
}
const comparison = compare(
  parseResults(readFileSync(before, "utf8"), before),
  parseResults(readFileSync(after, "utf8"), after),
);
console.log(comparisonText(comparison));
process.exit(exitCodeOf(comparison, values.force));
