/**
 * Takes the picture in the README: `npm run build && node scripts/screenshot.mjs [file]`.
 *
 * Starts `beeline demo` with a fresh home, opens the page, links, draws one picture and takes it as
 * it is: nothing in the picture is staged but the prompt. Ends with an error if the picture did not
 * come directly, because that is what the README says.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { findChromium, installChromium } from "./chromium.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "packages/beeline/dist/main.js");
const FILE = process.argv[2] ?? join(ROOT, "docs/screenshot.png");

const WINDOW = { width: 1280, height: 800 };
/** The demo draws what these say, the same on every machine. */
const FORM = {
  prompt: "a mountain lake at sunrise, drifting fog, warm light on the peaks",
  seed: 7,
  steps: 24,
  width: 768,
  height: 512,
};
/** Colours that are kept: the difference is not seen, and the file is a third as large. */
const COLOURS = 256;

/** The extension's own image library. */
const sharp = createRequire(join(ROOT, "packages/extension/package.json"))("sharp");

/**
 * Starts the demo and waits for the address it prints.
 * @param {string} home
 * @returns {Promise<{ url: string, stop: () => void }>}
 */
function startDemo(home) {
  const demo = spawn(process.execPath, [MAIN, "demo", "--port", "0", "--home", home], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  return new Promise((resolve, reject) => {
    demo.once("exit", () => reject(new Error(`the demo did not start: npm run build\n${output}`)));
    demo.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const [, url] = /Open {2}(http\S+)/.exec(output) ?? [];
      if (url !== undefined) resolve({ url, stop: () => demo.kill() });
    });
  });
}

/**
 * @param {string} url
 * @returns {Promise<Buffer>}
 */
async function takePicture(url) {
  const { executablePath, env } = findChromium() ?? installChromium(console.log);
  const browser = await chromium.launch({ executablePath, env: { ...process.env, ...env } });
  try {
    const page = await browser.newPage({ viewport: WINDOW, colorScheme: "light" });
    await page.addInitScript(
      (form) => sessionStorage.setItem("beeline.form", form),
      JSON.stringify(FORM),
    );
    await page.goto(url);
    await page.getByTestId("link-demo").click();
    await page.locator('[data-testid="path-badge"][data-kind="direct"]').waitFor();
    await page.getByTestId("generate").click();
    await page.locator('[data-testid="gallery-image"][data-path="direct"]').waitFor();
    await page.getByTestId("stage-image").waitFor();
    // Away from what would show a tooltip, and past every transition.
    await page.mouse.move(WINDOW.width / 2, WINDOW.height - 1);
    await page.evaluate(() =>
      Promise.all(document.getAnimations().map(({ finished }) => finished)),
    );
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}

const home = mkdtempSync(join(tmpdir(), "beeline-screenshot-"));
const demo = await startDemo(home);
try {
  const { size } = await sharp(await takePicture(demo.url))
    .png({ palette: true, colours: COLOURS, effort: 10 })
    .toFile(FILE);
  console.log(`${FILE}: ${WINDOW.width} × ${WINDOW.height}, ${Math.round(size / 1000)} kB`);
} finally {
  demo.stop();
  rmSync(home, { recursive: true, force: true });
}
