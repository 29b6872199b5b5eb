/**
 * Beeline's page in a real Chromium, driven as a person would, for tests and measurements alike: it
 * needs no test runner.
 */
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { collectPageErrors } from "./chromium.ts";
import type { DemoForm } from "./demo-picture.ts";

/** For one thing to appear on the page. Real WebRTC on a busy machine takes seconds. */
const PATIENCE_MS = 30_000;

export interface PageOptions extends BrowserContextOptions {
  /** Put into the form before the page loads, as if a person had typed it and reloaded. */
  readonly form?: DemoForm;
  /** A script that runs in the page before any other: what the test changes about the browser. */
  readonly before?: string;
}

/** What the page keeps for tests: the peer connections it made. */
interface Recorded {
  readonly peers: RTCPeerConnection[];
}

const RECORD_PEERS = `
  globalThis.recorded = { peers: [] };
  if (globalThis.RTCPeerConnection !== undefined) {
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        globalThis.recorded.peers.push(this);
      }
    };
  }`;

/** A picture in the page's gallery. */
export interface ShownPicture {
  readonly sha256: string;
  readonly path: string;
  readonly seed: number;
}

export class LinkPage {
  readonly page: Page;
  /** What went wrong in the page so far. */
  readonly errors: readonly string[];
  /** Every host that the page sent a request to or opened a WebSocket to. */
  readonly hosts = new Set<string>();

  constructor(page: Page) {
    this.page = page;
    this.errors = collectPageErrors(page);
    page.on("request", (request) => this.#note(request.url()));
    page.on("websocket", (socket) => this.#note(socket.url()));
  }

  byId(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Clicks what `beeline demo` offers, and waits until the link is up. */
  async linkDemo(): Promise<void> {
    await this.byId("link-demo").click();
    await this.isLinked();
  }

  async isLinked(): Promise<void> {
    await this.page.locator('[data-testid="path-badge"][data-state="linked"]').waitFor();
  }

  /** Waits until the badge says so. */
  async travels(kind: "direct" | "relay", reason?: string): Promise<void> {
    const why = reason === undefined ? "" : `[data-reason="${reason}"]`;
    const badge = this.byId("path-badge");
    try {
      await this.page.locator(`[data-testid="path-badge"][data-kind="${kind}"]${why}`).waitFor();
    } catch {
      const { kind: is, reason: because } = await badge.evaluate(
        (element) => ({ ...(element as HTMLElement).dataset }) as Record<string, string>,
      );
      throw new Error(`the path is ${is}, ${because}; it never was ${kind}, ${reason ?? "any"}`);
    }
  }

  /** Clicks "Draw" and waits until the gallery holds `count` pictures. */
  async draw(count: number): Promise<readonly ShownPicture[]> {
    await this.byId("generate").click();
    return await this.pictures(count);
  }

  /** Waits until the job under way has drawn that many steps of a picture. */
  async reachesStep(step: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) =>
        Number(document.querySelector<HTMLElement>('[data-testid="progress"]')?.dataset.step) >=
        wanted,
      step,
    );
  }

  /** Waits until the gallery holds `count` pictures, decoded; newest first. */
  async pictures(count: number): Promise<readonly ShownPicture[]> {
    await this.page.waitForFunction((wanted) => {
      const images = document.querySelectorAll<HTMLImageElement>('[data-testid="gallery-image"]');
      return images.length === wanted && [...images].every(({ complete }) => complete);
    }, count);
    return await this.byId("gallery-image").evaluateAll(
      // The next one of a job may have joined them meanwhile, in front.
      (images, wanted) =>
        (images as HTMLImageElement[]).slice(-wanted).map(({ dataset, naturalWidth }) => {
          if (naturalWidth === 0) throw new Error("the browser could not decode a picture");
          const { sha256 = "", path = "", seed } = dataset;
          return { sha256, path, seed: Number(seed) };
        }),
      count,
    );
  }

  /** The bytes behind the newest picture: what "Download" would save. */
  async newestBytes(): Promise<Buffer> {
    const dataUrl = await this.byId("gallery-image")
      .first()
      .evaluate(async (image) => {
        const blob = await (await fetch((image as HTMLImageElement).src)).blob();
        const reader = new FileReader();
        reader.readAsDataURL(blob);
        await new Promise((resolve) => {
          reader.onload = resolve;
        });
        return String(reader.result);
      });
    return Buffer.from(dataUrl.slice(dataUrl.indexOf(",") + 1), "base64");
  }

  /** What the browser itself counted on its data channels, of all its connections together. */
  async channelBytes(): Promise<{ readonly received: number; readonly sent: number }> {
    return await this.page.evaluate(async () => {
      const { peers } = (globalThis as unknown as { recorded: Recorded }).recorded;
      let received = 0;
      let sent = 0;
      for (const peer of peers) {
        for (const stats of (await peer.getStats()).values()) {
          if (stats.type !== "data-channel") continue;
          received += stats.bytesReceived;
          sent += stats.bytesSent;
        }
      }
      return { received, sent };
    });
  }

  /** How many peer connections have an open channel, and how many were ever made. */
  async connections(): Promise<{ readonly open: number; readonly made: number }> {
    return await this.page.evaluate(() => {
      const { peers } = (globalThis as unknown as { recorded: Recorded }).recorded;
      const open = peers.filter(({ connectionState }) => connectionState === "connected").length;
      return { open, made: peers.length };
    });
  }

  /** Closes every peer connection, as a network that goes away would. */
  async cutDirect(): Promise<void> {
    await this.page.evaluate(() => {
      const { peers } = (globalThis as unknown as { recorded: Recorded }).recorded;
      for (const peer of peers) peer.close();
    });
  }

  /** Clicks what copies, and waits until it says so: for two seconds, so that is watched from before. */
  async copies(testId: string): Promise<void> {
    const said = this.page.getByText("Copied").waitFor();
    await Promise.all([said, this.byId(testId).click()]);
  }

  /** What is in the clipboard, by pasting it: also where scripts may not read it. */
  async pasted(): Promise<string> {
    await this.page.evaluate(() => {
      const field = document.createElement("textarea");
      field.id = "pasted";
      document.body.append(field);
      field.focus();
    });
    await this.page.keyboard.press("Control+V");
    return await this.page.evaluate(() => {
      const field = document.querySelector<HTMLTextAreaElement>("#pasted");
      field?.remove();
      return field?.value ?? "";
    });
  }

  /** Servers that the page was told to ask for its address. */
  async iceServers(): Promise<readonly string[]> {
    return await this.page.evaluate(() => {
      const { peers } = (globalThis as unknown as { recorded: Recorded }).recorded;
      return peers.flatMap((peer) =>
        (peer.getConfiguration().iceServers ?? []).flatMap(({ urls }) => urls),
      );
    });
  }

  #note(address: string): void {
    const { protocol, host } = new URL(address);
    if (/^(https?|wss?):$/.test(protocol)) this.hosts.add(host);
  }
}

/** A page in a browser context of its own, not yet anywhere. The caller closes the context. */
export async function newLinkPage(
  browser: Browser,
  { form, before, ...options }: PageOptions = {},
): Promise<LinkPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (before !== undefined) await context.addInitScript({ content: before });
  await context.addInitScript({ content: RECORD_PEERS });
  if (form !== undefined) await context.addInitScript(keepForm, JSON.stringify(form));
  return new LinkPage(await context.newPage());
}

/** Runs in the page. What a test changes in the form later survives a reload. */
function keepForm(form: string): void {
  if (sessionStorage.getItem("beeline.form") === null) sessionStorage.setItem("beeline.form", form);
}
