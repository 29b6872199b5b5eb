/**
 * One cell of the matrix: a page in a real Chromium behind one NAT, the real extension behind another.
 * They are linked, a picture is drawn at once, the path settles, and more are drawn.
 */
import type { Browser } from "playwright-core";
import { type DemoForm, QUICK_FORM } from "../support/demo-picture.ts";
import { drawUntil } from "../support/draw-until.ts";
import { type LinkPage, newLinkPage, type ShownPicture } from "../support/page-driver.ts";
import { startExtension } from "./actors/beeline.ts";
import type { Host } from "./host.ts";
import type { Outcome } from "./nat-kinds.ts";

export interface CellOptions {
  readonly browser: Browser;
  readonly extensionHost: Host;
  /** Where both find the link server. */
  readonly url: string;
  /** What to wait for: a channel that opens, at whatever attempt, or an attempt that fails. */
  readonly awaits: "direct" | "relay";
}

export interface CellResult {
  readonly outcome: Outcome;
  /** What the badge has said since the link came up: `relay: connecting`, and so on. */
  readonly badges: readonly string[];
  /** What the badge said when the page had the answer to its first command, what the extension can do. */
  readonly firstAnswerBy: string | undefined;
  /** Peer connections that the page made. */
  readonly attempts: number;
  /** Each picture: what it is, and the path that it came by. */
  readonly pictures: readonly { readonly sha256: string; readonly path: string }[];
  /** From the link to the first picture, and to the outcome. */
  readonly firstPictureMs: number;
  readonly settledMs: number;
  /** The kinds of both candidates of the direct path, the page's first. */
  readonly route: string;
  readonly errors: readonly string[];
}

/** What every cell draws. */
export const CELL_FORM: DemoForm = QUICK_FORM;

/**
 * Writes down what the badge of the path has said since the page was opened, with the time, and what it
 * said when there was a choice that only an extension's answer brings.
 */
const RECORD_BADGE = `
  globalThis.badges = [];
  new MutationObserver(() => {
    const { state, kind, reason } =
      document.querySelector('[data-testid="path-badge"]')?.dataset ?? {};
    if (document.querySelector('[data-testid="mode"]') !== null) globalThis.firstAnswerBy ??= kind;
    const last = globalThis.badges.at(-1);
    if (state !== "linked" || (last?.kind === kind && last?.reason === reason)) return;
    globalThis.badges.push({ kind, reason, atMs: performance.now() });
  }).observe(document, { subtree: true, childList: true, attributes: true });`;

interface Badge {
  readonly kind: string;
  readonly reason: string;
  readonly atMs: number;
}

/** Is said while nothing is known yet. */
const UNDECIDED = ["not-tried", "connecting"];

export async function playCell(options: CellOptions): Promise<CellResult> {
  const { browser, extensionHost, url, awaits } = options;
  const page = await newLinkPage(browser, { form: CELL_FORM, before: RECORD_BADGE });
  try {
    await page.page.goto(url);
    await page.byId("create-link").click();
    const key = await page.byId("link-key").innerText();
    const extension = await startExtension(extensionHost, url, key);
    try {
      return await draw(page, awaits);
    } finally {
      await extension.kill();
    }
  } finally {
    await page.page.context().close();
  }
}

async function draw(page: LinkPage, awaits: CellOptions["awaits"]): Promise<CellResult> {
  await page.isLinked();
  const [first] = await page.draw(1);
  const drawnAtMs = await page.page.evaluate(() => performance.now());
  // A miss shows in what the badges say, better than in a wait that was too long.
  const settles = awaits === "direct" ? page.travels("direct") : failsOnce(page);
  await settles.catch(() => {});
  const pictures = [first, ...(await drawBy(page, awaits))];
  const badges = await page.page.evaluate(
    () => (globalThis as unknown as { badges: Badge[] }).badges,
  );
  const firstAnswerBy = await page.page.evaluate(
    () => (globalThis as unknown as { firstAnswerBy?: string }).firstAnswerBy,
  );
  const route = await selectedRoute(page);
  const { made: attempts } = await page.connections();
  const decided = badges.filter(({ reason }) => !UNDECIDED.includes(reason));
  const settled = decided.find(({ kind }) => kind === awaits) ?? decided[0];
  const linkedAtMs = badges[0]?.atMs ?? 0;
  return {
    outcome: {
      path: settled?.kind,
      reason: settled?.reason,
      ...(settled?.kind === "direct" ? { by: route.includes("relay") ? "turn" : "ice" } : {}),
    } as Outcome,
    badges: badges.map(({ kind, reason }) => `${kind}: ${reason}`),
    firstAnswerBy,
    attempts,
    pictures: pictures.map(({ sha256 = "", path = "" } = {} as never) => ({ sha256, path })),
    firstPictureMs: Math.round(drawnAtMs - linkedAtMs),
    settledMs: Math.round((settled?.atMs ?? 0) - linkedAtMs),
    route,
    // A copy: what the page says after its extension was killed is no error.
    errors: [...page.errors],
  };
}

/** Draws beside the one that is there until a picture has come by that path. */
async function drawBy(page: LinkPage, path: string): Promise<ShownPicture[]> {
  const drawn: ShownPicture[] = [];
  await drawUntil(
    async (round) => drawn.push(...(await page.draw(round + 1)).slice(0, 1)),
    () => drawn.at(-1)?.path === path,
  );
  return drawn;
}

/** Waits until an attempt has ended. */
async function failsOnce({ page }: LinkPage): Promise<void> {
  await page.waitForFunction(
    (undecided) =>
      (globalThis as unknown as { badges: Badge[] }).badges.some(
        ({ reason }) => !undecided.includes(reason),
      ),
    UNDECIDED,
  );
}

/** Of the newest connection: `srflx → host`, or nothing if it found no way. */
async function selectedRoute({ page }: LinkPage): Promise<string> {
  return await page.evaluate(async () => {
    const { peers } = (globalThis as unknown as { recorded: { peers: RTCPeerConnection[] } })
      .recorded;
    const peer = peers.find(({ connectionState }) => connectionState === "connected");
    if (peer === undefined) return "";
    const stats = new Map([...(await peer.getStats()).entries()]);
    const transport = [...stats.values()].find(({ type }) => type === "transport");
    const pair = stats.get(transport?.selectedCandidatePairId);
    const kindOf = (id: string): string => stats.get(id)?.candidateType ?? "?";
    return `${kindOf(pair?.localCandidateId)} → ${kindOf(pair?.remoteCandidateId)}`;
  });
}
