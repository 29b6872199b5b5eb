/** `beeline extension` as its owner uses it: which backend, what a link may do, and its end. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { comfyBench } from "../contract/benches.ts";
import { BeelineProcess, newHome, startExtension, startServer } from "../support/beeline.ts";
import { QUICK_FORM } from "../support/demo-picture.ts";
import { test } from "../support/link-page.ts";

/** Runs a command to its end and gives what it wrote. */
async function run(home: string, ...args: readonly string[]): Promise<string> {
  const command = new BeelineProcess(home, "extension", ...args);
  await command.exited();
  return command.output;
}

test("where no Stable Diffusion answers, it says what was tried and how to choose the demo", async () => {
  const url = "http://127.0.0.1:1";
  const output = await run(await newHome(), "--backend-url", url, "--key", "abcdef");
  expect(output).toMatch(/a1111: http:\/\/127\.0\.0\.1:1 cannot be reached/);
  expect(output).toContain("choose --backend demo");
  expect(output).not.toContain("Linked");
});

test("it finds out what listens at an address, and needs a key before anything else", async () => {
  const bench = await comfyBench();
  onTestFinished(() => bench.close());
  const output = await run(await newHome(), "--backend-url", bench.fake.url);
  expect(output).toContain(`Renderer: ComfyUI at ${bench.fake.url}`);
  expect(output).toContain("Not linked yet");
});

test("the owner says what a link may do, changes it while it runs, and ends the link", async ({
  open,
}) => {
  const { url } = await startServer(await newHome());
  const home = await newHome();
  const page = await open(url, { form: QUICK_FORM });
  await page.byId("create-link").click();
  const key = await page.byId("link-key").innerText();
  const extension = startExtension(home, url, "--key", key, "--allow", "list");
  await extension.says(/Linked through/);
  await page.isLinked();

  await page.byId("generate").click();
  await page.page.getByText("The owner of the extension has not allowed this").first().waitFor();
  expect(await run(home, "status")).toMatch(
    /The extension runs.*\n1 {2}http.* active, \d linked {2}may list/,
  );

  expect(await run(home, "allow", "1", "generate,list")).toContain("may now generate, list");
  await extension.says(/the owner changed what a link may do/);
  await page.draw(1);

  expect(await run(home, "unlink", "1")).toContain("is ended on this machine");
  await extension.says(/No link is left/);
  await extension.exited();
  expect(await run(home, "status")).toMatch(/does not run[\s\S]*no links/);
  const log = await readFile(join(home, "data", "activity.log"), "utf8");
  expect(log).toMatch(/"image:txt2img".*"NOT_PERMITTED"/);
  expect(log).toMatch(/"image:txt2img".*"success"/);
});
