/** The page with a Civitai Link extension of today (Python's) at the other end: what it can do, it does. */

import { expect } from "vitest";
import { newHome, startServer } from "../support/beeline.ts";
import { type Open, test } from "../support/link-page.ts";
import { PythonPeer } from "../support/python-peer.ts";

async function linkShipped(open: Open) {
  const { url } = await startServer(await newHome());
  const page = await open(url);
  await page.byId("create-link").click();
  const sd = new PythonPeer({ url }, "sd", await page.byId("link-key").innerText());
  await page.isLinked();
  await page.travels("relay", "peer-unable");
  return { page, sd };
}

test("models of a shipped extension are listed, added with progress, canceled and removed", async ({
  open,
}) => {
  const { page, sd } = await linkShipped(open);
  const row = (hash: string) =>
    page.page.locator(`[data-testid="resource-row"][data-hash="${hash}"]`);
  const download = (status: string) =>
    page.page.locator(`[data-testid="download-row"][data-status="${status}"]`);
  const add = async (name: string, hash: string) => {
    await page.byId("add-resource").click();
    await page.byId("add-url").fill(`https://models.example/${name}`);
    await page.byId("add-hash").fill(hash);
    await page.byId("add-submit").click();
  };
  await page.byId("tab-resources").click();
  await row("ab".repeat(32)).waitFor();

  const added = "cd".repeat(32);
  await add("stepwise-model.safetensors", added);
  await download("processing").waitFor();
  for (const shown of [/^25 %/, /^50 %/, /^75 %/]) {
    sd.tell({ step: true });
    await download("processing").getByText(shown).waitFor();
  }
  sd.tell({ step: true });
  await row(added).waitFor();
  await download("success").waitFor();

  await add("unwanted.safetensors", "ef".repeat(32));
  await download("processing").waitFor();
  await page.byId("download-cancel").click();
  await download("canceled").waitFor();

  await row(added).getByTestId("resource-remove").click();
  await page.page.getByRole("button", { name: "Remove", exact: true }).click();
  await row(added).waitFor({ state: "detached" });
  await sd.next("command", (data) => data?.type === "resources:remove");

  await page.byId("tab-activities").click();
  await page.page
    .locator('[data-testid="activity-row"][data-type="resources:add"]')
    .first()
    .waitFor();
  expect(await page.byId("error").count(), "errors shown").toBe(0);
});

test("the page says that a shipped extension does not draw, and what does", async ({ open }) => {
  const { page } = await linkShipped(open);
  await page.byId("obstacle").getByText("beeline extension").waitFor();
  expect(await page.byId("generate").isDisabled()).toBe(true);
  expect(await page.byId("error").count(), "errors shown").toBe(0);
});
