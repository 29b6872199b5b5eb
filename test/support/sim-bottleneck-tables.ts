/**
 * Prints what the controllers do at a bottleneck, more widely than the tests assert it:
 *
 *   npx tsx --conditions=@beeline/source test/support/sim-bottleneck-tables.ts
 */

import {
  type ControllerName,
  LOSSES,
  type Measured,
  measureAlone,
  measureTogether,
} from "./sim-bottleneck-scene.ts";

const percent = (share: number) => `${Math.round(100 * share)} %`;
const queue = ({ queueMeanMs, queueMostMs }: Measured) =>
  `${queueMeanMs.toFixed(0)}/${queueMostMs.toFixed(0)} ms`;

function printAlone(name: ControllerName): void {
  const rows: Record<string, Record<string, string>> = {};
  for (const mbit of [5, 20, 100]) {
    for (const rttMs of [10, 50, 100, 200]) {
      rows[`${mbit} Mbit/s, ${rttMs} ms`] = Object.fromEntries(
        LOSSES.map(({ name: lossName, loss }) => {
          const measured = measureAlone(name, { mbit, rttMs, bufferBdp: 1, loss });
          return [lossName, `${percent(measured.used)} ${queue(measured)}`];
        }),
      );
    }
  }
  console.log(`\n${name} alone, buffer of 1 BDP: use of the link, queue (mean/most)`);
  console.table(rows);
}

function printTogether(name: ControllerName): void {
  const rows: Record<string, Record<string, string>> = {};
  for (const mbit of [5, 20, 100]) {
    for (const rttMs of [10, 50, 100]) {
      const row: Record<string, string> = {};
      for (const bufferBdp of [1, 4]) {
        for (const other of ["tcp", name] as const) {
          const measured = measureTogether(name, other, { mbit, rttMs, bufferBdp });
          const share = (measured.shares[0] ?? 0) / measured.used;
          row[`${bufferBdp} BDP, ${other}`] = `${percent(share)} ${queue(measured)}`;
        }
      }
      rows[`${mbit} Mbit/s, ${rttMs} ms`] = row;
    }
  }
  console.log(`\n${name} with one TCP CUBIC or its like: share of the first, queue (mean/most)`);
  console.table(rows);
}

for (const name of ["bbr", "cubic"] as const) {
  printAlone(name);
  printTogether(name);
}
