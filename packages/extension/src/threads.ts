/**
 * Starts a thread of this package, from a build as well as from sources.
 *
 * Built code runs `name.js` as it is. From sources (tests, tsx) Node 20 cannot read TypeScript and
 * ignores `--import` hooks for a worker's first file, so a line of JavaScript registers tsx and then
 * imports `name.ts`: 160 ms instead of 40.
 */

import { Worker } from "node:worker_threads";

/** @param name of the module without its extension, relative to `base`, as `./worker`. */
export function startThread(name: string, base: string): Worker {
  if (!base.endsWith(".ts")) return new Worker(new URL(`${name}.js`, base));
  const tsx = import.meta.resolve("tsx/esm/api");
  const worker = new URL(`${name}.ts`, base).href;
  return new Worker(
    `import(${JSON.stringify(tsx)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(worker)}); });`,
    // Without flags of its own: a parent that runs under tsx would register it twice.
    { eval: true, execArgv: [] },
  );
}
