/**
 * `npm run bench [-- --quick] [section …] [--situation id …] [--subject id …]`: measures, shows tables,
 * and leaves a result file and an HTML report.
 *
 * Sections: `matrix` (every subject in every situation), and those on loopback. All of them by default.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { currentCommit, describeMachine, load } from "./machine.ts";
import { type MatrixResult, runMatrix, type Scene } from "./matrix.ts";
import { estimateMs, leftOut, MATRIX_LIMIT_MS, NEVER_ASKED, ROUNDS, taskFor } from "./plan.ts";
import { htmlReport } from "./report/html.ts";
import { parseResults, type ResultFile, SCHEMA } from "./report/result-schema.ts";
import { textReport } from "./report/tables.ts";
import { measureCommands } from "./sections/commands.ts";
import { measureDataChannel } from "./sections/data-channel/data-channel.ts";
import { measureFailover } from "./sections/failover.ts";
import { measureOverhead } from "./sections/overhead.ts";
import { measureRelayMemory } from "./sections/relay-memory.ts";
import type { Scale, Section } from "./sections/section.ts";
import { SITUATIONS, type Situation, situationOf } from "./situations.ts";
import { BenchBrowser } from "./stage/browser.ts";
import { openLabStage, whyNoLab } from "./stage/lab-stage.ts";
import { openLoopbackStage } from "./stage/loopback-stage.ts";
import type { Stage } from "./stage/stage.ts";
import { SUBJECTS } from "./subjects/subjects.ts";

const LOOPBACK: Readonly<Record<string, (scale: Scale) => Promise<Section | Section[]>>> = {
  overhead: measureOverhead,
  failover: measureFailover,
  commands: measureCommands,
  "relay-memory": measureRelayMemory,
  "data-channel": (given) => measureDataChannel(given, seed),
};
/** 23 minutes that belong to one question; the rest has its hour and a half. */
const BY_NAME_ONLY = ["data-channel"];
/** Each section on loopback takes half a minute when quick: there is room for one in two minutes. */
const QUICK_SECTIONS = ["matrix", "failover"];

const { values: flags, positionals } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    plan: { type: "boolean", default: false },
    rounds: { type: "string" },
    seed: { type: "string" },
    situation: { type: "string", multiple: true },
    subject: { type: "string", multiple: true },
  },
  allowPositionals: true,
});
const scale: Scale = { isQuick: flags.quick };
const rounds = Number(flags.rounds ?? (scale.isQuick ? ROUNDS.quick : ROUNDS.full));
const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
const byDefault = Object.keys(LOOPBACK).filter((name) => !BY_NAME_ONLY.includes(name));
const everything = scale.isQuick ? QUICK_SECTIONS : ["matrix", ...byDefault];
const asked = positionals.length > 0 ? positionals : everything;
const unknown = asked.filter((name) => name !== "matrix" && LOOPBACK[name] === undefined);
if (unknown.length > 0) {
  throw new Error(`no section ${unknown}: matrix, ${Object.keys(LOOPBACK).join(", ")}`);
}

const startedAtMs = performance.now();
const about = {
  schema: SCHEMA,
  startedAt: new Date().toISOString(),
  command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
  ...currentCommit(),
  machine: describeMachine(),
  loadAtStart: load(),
} as const;
const missing: { what: string; why: string }[] = [];
const scenes = asked.includes("matrix") ? plannedScenes() : [];
console.log(about, `seed ${seed}`);
if (flags.plan) process.exit(0);

const matrix: MatrixResult =
  scenes.length === 0
    ? { cells: [], missing: [], troubles: [] }
    : await runMatrix(scenes, {
        rounds,
        seed,
        endsAtMs: startedAtMs + MATRIX_LIMIT_MS[scale.isQuick ? "quick" : "full"],
        pause: (ms) => pause(ms),
        onProgress: (line) => console.log(`${elapsed()} ${line}`),
      });
const sections: Section[] = [];
for (const name of asked) {
  const measure = LOOPBACK[name];
  if (measure === undefined) continue;
  console.log(`${elapsed()} ${name}`);
  sections.push(...[await measure(scale)].flat());
}
for (const name of Object.keys(LOOPBACK)) {
  if (!asked.includes(name)) missing.push({ what: `section ${name}`, why: "not asked for" });
}
save({
  ...about,
  tookMs: performance.now() - startedAtMs,
  seed,
  rounds,
  isQuick: scale.isQuick,
  situations: scenes.map(({ situation: { id, name, what, unshown } }) => ({
    ...{ id, name, what, unshown },
  })),
  subjects: SUBJECTS.filter(({ id }) => matrix.cells.some(({ subject }) => subject === id)).map(
    ({ id, name, isYardstick, ends, versions }) => ({ id, name, isYardstick, ends, versions }),
  ),
  cells: matrix.cells,
  // What never came is written as null; JSON has no infinity.
  sections: sections.map(({ figures, ...rest }) => ({
    ...rest,
    notes: [...rest.notes],
    figures: figures.map((figure) => ({
      ...figure,
      values: figure.values.map((value) => (Number.isFinite(value) ? value : null)),
    })),
  })),
  missing: [...matrix.missing, ...missing],
  troubles: matrix.troubles,
});
// Browsers and servers that were killed mid-answer may leave a handle behind.
process.exit(0);

/** Says on the way what is planned and how long it will take. */
function plannedScenes(): Scene[] {
  const wanted = flags.situation?.map(situationOf) ?? SITUATIONS;
  const noLab = whyNoLab();
  if (!scale.isQuick) missing.push(...NEVER_ASKED);
  let totalMs = 0;
  const planned = wanted.flatMap((situation): Scene[] => {
    missing.push(...leftOut(situation, scale));
    const casts = SUBJECTS.filter(({ id }) => flags.subject?.includes(id) ?? true).flatMap(
      (subject) => {
        const task = taskFor(subject.id, situation, scale);
        const unfit = subject.unfit(situation);
        if (task !== undefined && unfit !== undefined) {
          missing.push({ what: `${situation.name}: ${subject.name}`, why: unfit });
        }
        return task === undefined || unfit !== undefined ? [] : [{ subject, task }];
      },
    );
    if (casts.length === 0) return [];
    if (situation.access !== undefined && noLab !== undefined) {
      missing.push({ what: situation.name, why: `it needs the network lab: ${noLab}` });
      return [];
    }
    const tasks = casts.map(({ task }) => task);
    const ms = estimateMs(situation, tasks, rounds);
    totalMs += ms;
    console.log(`plan: ${situation.name}: ${casts.length} subjects, about ${minutes(ms)}`);
    const open = { openStage: () => openStage(situation), openBrowser: BenchBrowser.open };
    return [{ situation, casts, ...open }];
  });
  console.log(`plan: ${rounds} rounds, about ${minutes(totalMs)} in all`);
  return planned;
}

async function openStage(situation: Situation): Promise<Stage> {
  return situation.access === undefined
    ? openLoopbackStage(situation)
    : await openLabStage(situation, seed);
}

/** Checked before it is written: what cannot be read again is no result. */
function save(file: ResultFile): void {
  const folder = fileURLToPath(new URL("results/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const name = `${folder}${file.startedAt.slice(0, 10)}-${file.commit}${suffix()}`;
  const text = JSON.stringify(file);
  const checked = parseResults(text, name);
  writeFileSync(`${name}.json`, `${text}\n`);
  writeFileSync(`${name}.html`, htmlReport(checked));
  console.log(`\n${textReport(checked)}\n\n${name}.json\n${name}.html`);
}

/** A run that is not whole does not take the place of one that is. */
function suffix(): string {
  if (scale.isQuick) return "-quick";
  const isPart =
    positionals.length > 0 || flags.situation !== undefined || flags.subject !== undefined;
  return isPart ? "-part" : "";
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`;
}

function elapsed(): string {
  return minutes(performance.now() - startedAtMs);
}
