/**
 * One kind of picture: for each situation a group of rows, for each subject a row with its median as a
 * point and its spread as a line, on a logarithmic scale, because the answers differ by hundreds. Pure;
 * colours come from the page's style sheet, so light and dark are the page's affair.
 */

export interface ChartRow {
  readonly label: string;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  /** Most runs were stopped there: where their end would have been, nobody knows. */
  readonly stoppedAt?: number | undefined;
  /** Beside the point. */
  readonly words: string;
  /** 1: ours by relay, 2: ours direct, 0: others. */
  readonly accent: 0 | 1 | 2;
}

export interface ChartGroup {
  readonly title: string;
  readonly rows: readonly ChartRow[];
}

const WIDTH = 860;
const LABEL_WIDTH = 210;
const WORDS_WIDTH = 130;
const ROW_HEIGHT = 18;
const GROUP_HEIGHT = 24;
const AXIS_HEIGHT = 26;
const PLOT_LEFT = LABEL_WIDTH + 8;
const PLOT_WIDTH = WIDTH - PLOT_LEFT - WORDS_WIDTH;

export function chart(groups: readonly ChartGroup[], unit: string, title: string): string {
  const rows = groups.flatMap((group) => group.rows);
  const known = rows
    .flatMap(({ low, high, stoppedAt }) => (stoppedAt === undefined ? [low, high] : [stoppedAt]))
    .filter((x) => x > 0 && x < Infinity);
  if (known.length === 0) return "";
  const scale = logScale(Math.min(...known), Math.max(...known));
  const height =
    AXIS_HEIGHT +
    groups.reduce((sum, group) => sum + GROUP_HEIGHT + group.rows.length * ROW_HEIGHT, 0);
  const parts: string[] = [];
  for (const tick of scale.ticks) {
    const x = scale.at(tick);
    parts.push(`<line class="grid" x1="${x}" y1="0" x2="${x}" y2="${height - AXIS_HEIGHT}"/>`);
    parts.push(text(x, height - 8, "axis", `${tick} ${unit}`, "middle"));
  }
  let y = 0;
  for (const group of groups) {
    parts.push(text(0, y + GROUP_HEIGHT - 7, "group", group.title));
    y += GROUP_HEIGHT;
    for (const row of group.rows) {
      parts.push(drawRow(row, y + ROW_HEIGHT / 2, scale));
      y += ROW_HEIGHT;
    }
  }
  const about = `<title>${escapeText(title)}</title>`;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${about}${parts.join("")}</svg>`;
}

function drawRow(
  { label, low, middle, high, words, accent, stoppedAt }: ChartRow,
  y: number,
  scale: Scale,
): string {
  const name = text(LABEL_WIDTH, y + 4, "label", label, "end");
  const said = text(WIDTH, y + 4, "words", words, "end");
  if (stoppedAt !== undefined) return name + arrow(Number(scale.at(stoppedAt)), y, accent) + said;
  if (!(middle > 0)) return name + said;
  const [x, from, to] = [middle, low, high].map((value) => scale.at(value));
  const line = `<line class="spread s${accent}" x1="${from}" y1="${y}" x2="${to}" y2="${y}"/>`;
  return `${name}${line}<circle class="point s${accent}" cx="${x}" cy="${y}" r="4"/>${said}`;
}

/** Its tip is where the waiting ended. */
function arrow(x: number, y: number, accent: ChartRow["accent"]): string {
  return `<path class="stopped s${accent}" d="M${x - 7} ${y - 4}L${x} ${y}L${x - 7} ${y + 4}Z"/>`;
}

interface Scale {
  at(value: number): string;
  readonly ticks: readonly number[];
}

/** More would stand on one another's toes. */
const MOST_TICKS = 9;

/**
 * From the round number (1, 2 or 5 of its power of ten) below the smallest to the one above the largest.
 * Where there are too many of them, only powers of ten are ticks.
 */
export function logScale(smallest: number, largest: number): Scale {
  const first = Math.floor(Math.log10(smallest)) - 1;
  const last = Math.ceil(Math.log10(largest)) + 1;
  const decades = Array.from({ length: last - first + 1 }, (_, step) => first + step);
  const round = decades.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  // A hair, so that a round number is its own bound.
  const below = round.filter((number) => number <= smallest * (1 + 1e-9)).at(-1) as number;
  const above = round.find((number) => number > below && number >= largest * (1 - 1e-9)) as number;
  const inside = round.filter((number) => number >= below && number <= above);
  const powers = inside.filter((number) =>
    decades.some((power) => number === Number(`1e${power}`)),
  );
  const [low, high] = [Math.log10(below), Math.log10(above)];
  const at = (value: number): string => {
    const part = (Math.log10(value) - low) / (high - low);
    return (PLOT_LEFT + Math.min(1, Math.max(0, part)) * PLOT_WIDTH).toFixed(1);
  };
  return { at, ticks: inside.length > MOST_TICKS ? powers : inside };
}

function text(
  x: number | string,
  y: number,
  kind: string,
  words: string,
  anchor = "start",
): string {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escapeText(words)}</text>`;
}

export function escapeText(words: string): string {
  return words.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
