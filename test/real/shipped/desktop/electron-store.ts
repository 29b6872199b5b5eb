/** A store as the desktop app uses it: one file for all, names with dots, and listeners. */

import { EventEmitter } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Fields = Record<string, unknown>;

const FILE = join(process.env.TRIAL_HOME ?? "", "config.json");
const changed = new EventEmitter();
const data: Fields = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : {};

/** The object that holds the last part of a dotted name, and that part. */
function place(name: string): readonly [Fields, string] {
  const parts = name.split(".");
  const last = parts.pop() ?? "";
  let at = data;
  for (const part of parts) {
    at[part] ??= {};
    at = at[part] as Fields;
  }
  return [at, last];
}

function save(name: string): void {
  writeFileSync(FILE, JSON.stringify(data));
  const [top = name] = name.split(".");
  changed.emit(top, data[top]);
}

export default class Store {
  constructor({ schema = {} }: { schema?: Record<string, { default?: unknown }> } = {}) {
    for (const [name, { default: initial }] of Object.entries(schema)) data[name] ??= initial;
  }

  get(name: string): unknown {
    const [at, last] = place(name);
    // A copy, as if it had been read from the file.
    return at[last] === undefined ? undefined : structuredClone(at[last]);
  }

  set(name: string, value: unknown): void {
    const [at, last] = place(name);
    at[last] = value;
    save(name);
  }

  delete(name: string): void {
    const [at, last] = place(name);
    delete at[last];
    save(name);
  }

  clear(): void {
    for (const name of Object.keys(data)) this.delete(name);
  }

  onDidChange(name: string, listener: (value: unknown) => void): void {
    changed.on(name, listener);
  }
}
