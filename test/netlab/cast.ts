/**
 * Who takes part in the matrix: one link server with and one without TURN, and for each kind of
 * access one Chromium and one host for extensions, made when first asked for and then kept. Cells
 * may be played at the same time.
 */
import type { Browser } from "playwright-core";
import { startLinkServer } from "./actors/beeline.ts";
import { launchBrowser } from "./actors/browser.ts";
import { startTurnServer } from "./actors/turn-server.ts";
import { type CellResult, playCell } from "./cell.ts";
import type { Host } from "./host.ts";
import { Lab } from "./lab.ts";
import { expectedOutcome, NAT_KINDS, type NatKind, type Outcome } from "./nat-kinds.ts";

/** One cell of the matrix. */
export interface Pair {
  readonly browser: NatKind;
  readonly extension: NatKind;
  readonly hasTurn: boolean;
}

/** What must become of it. */
export function theoryOf({ browser, extension, hasTurn }: Pair): Outcome {
  return expectedOutcome(NAT_KINDS[browser], NAT_KINDS[extension], hasTurn);
}

export class Cast {
  readonly lab: Lab;
  readonly #urls: Readonly<Record<"plain" | "turn", string>>;
  readonly #browsers = new Map<string, Promise<Browser>>();
  readonly #extensionHosts = new Map<string, Promise<Host>>();

  private constructor(lab: Lab, urls: Readonly<Record<"plain" | "turn", string>>) {
    this.lab = lab;
    this.#urls = urls;
  }

  static async open(): Promise<Cast> {
    const lab = await Lab.open();
    const turn = await startTurnServer(await lab.host("turn"));
    const [plain, withTurn] = await Promise.all([
      startLinkServer(await lab.host("server")),
      startLinkServer(await lab.host("server-t"), { turn }),
    ]);
    return new Cast(lab, { plain: plain.url("name"), turn: withTurn.url("name") });
  }

  async play(pair: Pair): Promise<CellResult> {
    const { browser, extension, hasTurn } = pair;
    // With TURN on sites of their own: a router that remembers whom it knows must not know more.
    const suffix = hasTurn ? "t" : "";
    return playCell({
      browser: await once(this.#browsers, browser + suffix, () =>
        this.#site(`p${suffix}`, browser).then(launchBrowser),
      ),
      extensionHost: await once(this.#extensionHosts, extension + suffix, () =>
        this.#site(`e${suffix}`, extension),
      ),
      url: hasTurn ? this.#urls.turn : this.#urls.plain,
      awaits: theoryOf(pair).path,
    });
  }

  /** The same with hosts that somebody else has made; without TURN. */
  async playBetween(
    browserHost: Host,
    extensionHost: Host,
    awaits: "direct" | "relay",
  ): Promise<CellResult> {
    const browser = await launchBrowser(browserHost);
    try {
      return await playCell({ browser, extensionHost, url: this.#urls.plain, awaits });
    } finally {
      await browser.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#browsers.values()].map(async (browser) => (await browser).close()));
    await this.lab.close();
  }

  async #site(role: string, kind: NatKind): Promise<Host> {
    const number = Object.keys(NAT_KINDS).indexOf(kind);
    return (await this.lab.site(`${role}${number}`, kind)).host;
  }
}

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}
