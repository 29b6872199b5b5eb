/** What one must know to believe a run or to repeat it, as rows of tables. Pure. */

import type { ResultFile } from "./result-schema.ts";

export function factRows(file: ResultFile): string[][] {
  const { command, commit, isDirty, tookMs, rounds, seed, loadAtStart, machine } = file;
  return [
    ["", ""],
    ["command", command],
    ["commit", `${commit}${isDirty ? ", with uncommitted changes" : ""}`],
    ["begun", file.startedAt],
    ["took", `${(tookMs / 60_000).toFixed(1)} minutes, ${rounds} rounds, seed ${seed}`],
    ["load at the start", loadAtStart.map((load) => load.toFixed(2)).join(", ")],
    ...Object.entries(machine),
  ];
}

/** Everybody who was measured, with the versions that were installed. */
export function subjectRows(file: ResultFile): string[][] {
  const rows = file.subjects.map(({ name, ends, versions }) => [
    name,
    ends,
    Object.entries(versions)
      .map(([what, version]) => `${what} ${version}`)
      .join(", "),
  ]);
  return [["", "ends", "versions"], ...rows];
}

export function situationRows(file: ResultFile): string[][] {
  const rows = file.situations.map(({ name, what, unshown }) => [name, `${what} ${unshown}`]);
  return [["", ""], ...rows];
}

/** What a reader may miss, and what must not be read without a doubt; nothing where there is nothing. */
export function remarksOf({
  missing,
  troubles,
}: ResultFile): { readonly title: string; readonly items: readonly string[] }[] {
  const said = [
    { title: "Measured in trouble", remarks: troubles },
    { title: "Not measured", remarks: missing },
  ];
  return said
    .filter(({ remarks }) => remarks.length > 0)
    .map(({ title, remarks }) => ({
      title,
      items: remarks.map(({ what, why }) => `${what}: ${why}`),
    }));
}
