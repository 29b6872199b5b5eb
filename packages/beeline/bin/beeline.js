#!/usr/bin/env node
/**
 * The `beeline` command in a clone: a file that is there before the build, so that npm can link it.
 */

import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("beeline: not built yet. Type: npm run setup\n");
  process.exitCode = 1;
}
