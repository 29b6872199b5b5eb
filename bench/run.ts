/** `npm run bench [-- --quick] [section …]`: runs the sections, prints their tables, keeps the values. */

import { parseArgs } from "node:util";
import { measureCommands } from "./commands.ts";
import { measureFailover } from "./failover.ts";
import { machine, type Scale, type Section, save, table } from "./harness.ts";
import { measureOverhead } from "./overhead.ts";
import { measureRelayMemory } from "./relay-memory.ts";

const SECTIONS: Readonly<Record<string, (scale: Scale) => Promise<Section>>> = {
  overhead: measureOverhead,
  failover: measureFailover,
  commands: measureCommands,
  "relay-memory": measureRelayMemory,
};

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const scale: Scale = { isQuick: values.quick };
const chosen = positionals.length > 0 ? positionals : Object.keys(SECTIONS);

console.log(machine());
const sections: Section[] = [];
for (const name of chosen) {
  const measure = SECTIONS[name];
  if (measure === undefined) throw new Error(`no such section: ${name} (${Object.keys(SECTIONS)})`);
  const section = await measure(scale);
  sections.push(section);
  console.log(`\n${table(section)}`);
}
console.log(save(sections, scale));
