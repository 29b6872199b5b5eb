/**
 * What the owner sees while the extension runs in a terminal: renderer, links, and a bar per job.
 *
 * Drawn in place a few times a second at most. `renderStatus` decides what is shown; the class only
 * writes it. Without a terminal there is no screen, and the log tells instead.
 */

import type { CommandEvent } from "@beeline/extension";

export interface ScreenLink {
  readonly server: string;
  readonly status: string;
  readonly clients: number;
}

export interface ScreenJob {
  readonly type: string;
  readonly client: string;
  readonly status: string;
  /** 0 to 100. */
  readonly progress: number;
}

export interface ScreenState {
  readonly renderer: string;
  readonly links: readonly ScreenLink[];
  /** Newest first. */
  readonly jobs: readonly ScreenJob[];
  readonly notes: readonly string[];
}

const BAR_CELLS = 24;
/** What has ended stays in sight as long as it is among these. */
const JOBS_SHOWN = 8;
const NOTES_SHOWN = 4;
const REDRAW_MS = 200;

/** The screen's lines, each at most `columns` wide. */
export function renderStatus(state: ScreenState, columns: number): readonly string[] {
  const lines = [
    `Renderer  ${state.renderer}`,
    ...state.links.map(
      ({ server, status, clients }) =>
        `Link      ${server}  ${status}, ${clients} ${clients === 1 ? "page" : "pages"}`,
    ),
    ...(state.links.length === 0 ? ["Link      none"] : []),
    "",
    ...state.jobs.slice(0, JOBS_SHOWN).map((job) => {
      const cells = Math.round((job.progress / 100) * BAR_CELLS);
      const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
      const percent = `${Math.floor(job.progress)}%`.padStart(4);
      return `${bar} ${percent}  ${job.status.padEnd(10)} ${job.type}  ${job.client}`;
    }),
    ...state.notes.slice(-NOTES_SHOWN),
    "",
    "Ctrl+C stops the extension.",
  ];
  return lines.map((line) => plain(line).slice(0, Math.max(1, columns - 1)));
}

/** Names of clients come from pages: nothing in them may act on the terminal. */
function plain(line: string): string {
  return line.replace(/\p{C}/gu, "?");
}

export class StatusScreen {
  readonly #out: NodeJS.WriteStream;
  readonly #read: () => Pick<ScreenState, "renderer" | "links">;
  readonly #jobs = new Map<string, ScreenJob>();
  readonly #notes: string[] = [];
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param read what is not told by events. */
  constructor(out: NodeJS.WriteStream, read: () => Pick<ScreenState, "renderer" | "links">) {
    this.#out = out;
    this.#read = read;
  }

  readonly hear = (event: CommandEvent): void => {
    const isJob = /^(?:image:|resources:add$|resources:remove$)/.test(event.type);
    if (!isJob) return;
    const before = this.#jobs.get(event.id);
    this.#jobs.delete(event.id);
    this.#jobs.set(event.id, {
      type: event.type,
      client: event.client,
      status: event.code ?? event.status,
      progress: event.progress ?? (event.status === "success" ? 100 : (before?.progress ?? 0)),
    });
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > JOBS_SHOWN && oldest !== undefined) this.#jobs.delete(oldest);
    this.redraw();
  };

  note(line: string): void {
    this.#notes.push(line);
    if (this.#notes.length > NOTES_SHOWN) this.#notes.shift();
    this.redraw();
  }

  redraw(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, REDRAW_MS);
    this.#timer.unref();
  }

  #draw(): void {
    const state = { ...this.#read(), jobs: [...this.#jobs.values()].reverse(), notes: this.#notes };
    const lines = renderStatus(state, this.#out.columns);
    if (this.#drawnLines > 0) this.#out.moveCursor(0, -this.#drawnLines);
    this.#out.cursorTo(0);
    this.#out.clearScreenDown();
    this.#out.write(`${lines.join("\n")}\n`);
    this.#drawnLines = lines.length;
  }
}
