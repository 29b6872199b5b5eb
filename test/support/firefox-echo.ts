/**
 * A headless Firefox whose page sends back every message: started on a page of ours, driven by that
 * page alone, which signals over HTTP. No driver program is needed.
 *
 * Firefox comes from FIREFOX_PATH or the system; nothing is downloaded here.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RtcSignal } from "@beeline/paths";
import { bundleForPage } from "./page-bundle.ts";

export const HOW_TO_GET_FIREFOX =
  "no Firefox: type  sudo apt-get install --no-install-recommends firefox-esr  or set FIREFOX_PATH";

/** No tour, no telemetry, no updates: nothing that asks or phones. */
const PREFERENCES = {
  "app.normandy.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
};

export function findFirefox(): string | undefined {
  const named = [process.env.FIREFOX_PATH, "firefox-esr", "firefox"];
  return named.find(
    (name) =>
      name !== undefined && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

export class FirefoxEcho {
  readonly #server: Server;
  readonly #profile = mkdtempSync(join(tmpdir(), "beeline-firefox-"));
  readonly #waiting: RtcSignal[] = [];
  #browser: ChildProcess | undefined;
  #stream: ServerResponse | undefined;

  private constructor(html: string, onSignal: (signal: RtcSignal) => void) {
    this.#server = createServer((request, response) => {
      if (request.url === "/signals") this.#openStream(response);
      else if (request.method === "POST") {
        let body = "";
        request.on("data", (part: Buffer) => {
          body += part.toString();
        });
        request.on("end", () => {
          onSignal(JSON.parse(body) as RtcSignal);
          response.end();
        });
      } else {
        response.setHeader("content-type", "text/html; charset=utf-8");
        response.end(request.url === "/" ? html : "");
      }
    });
  }

  static async start(
    firefox: string,
    isOfferer: boolean,
    onSignal: (signal: RtcSignal) => void,
  ): Promise<FirefoxEcho> {
    const script = await bundleForPage(new URL("echo-peer.ts", import.meta.url), "echoPage");
    const echo = new FirefoxEcho(pageOf(script, isOfferer), onSignal);
    await echo.#open(firefox);
    return echo;
  }

  accept(signal: RtcSignal): void {
    if (this.#stream === undefined) this.#waiting.push(signal);
    else this.#stream.write(`data: ${JSON.stringify(signal)}\n\n`);
  }

  async close(): Promise<void> {
    this.#stream?.end();
    this.#server.close();
    this.#server.closeAllConnections();
    const browser = this.#browser;
    if (browser !== undefined && browser.exitCode === null) {
      const ended = once(browser, "exit");
      browser.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  async #open(firefox: string): Promise<void> {
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
    );
    writeFileSync(join(this.#profile, "user.js"), lines.join("\n"));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    const args = ["--headless", "--no-remote", "--profile", this.#profile];
    this.#browser = spawn(firefox, [...args, `http://127.0.0.1:${port}/`], {
      stdio: "ignore",
      env: { ...process.env, HOME: this.#profile },
    });
  }

  #openStream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    this.#stream = response;
    for (const signal of this.#waiting.splice(0)) this.accept(signal);
  }
}

function pageOf(script: string, isOfferer: boolean): string {
  return `<!doctype html><meta charset="utf-8"><script>${script.replaceAll("</script", "<\\/script")}</script><script>
    let last = Promise.resolve();
    const tell = (signal) => {
      last = last.then(() => fetch("/signal", { method: "POST", body: JSON.stringify(signal) }));
    };
    const peer = new echoPage.EchoPeer(new RTCPeerConnection(), ${isOfferer}, tell);
    new EventSource("/signals").onmessage = ({ data }) => peer.accept(JSON.parse(data));
  </script>`;
}
