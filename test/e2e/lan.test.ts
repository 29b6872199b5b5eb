/**
 * The page on another device of the house: plain http on an address that is not loopback. Browsers
 * give such a page no WebCrypto, no random UUIDs and no clipboard; it must do without.
 */
import { networkInterfaces } from "node:os";
import { expect } from "vitest";
import { newHome, startDemo, startExtension } from "../support/beeline.ts";
import { drawDemoPicture, QUICK_FORM, sha256 } from "../support/demo-picture.ts";
import { drawUntil } from "../support/draw-until.ts";
import { test } from "../support/link-page.ts";

/** An address of this machine by which another device could reach it. */
function lanAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const found = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined) {
    throw new Error("this test needs an IPv4 address besides loopback; connect to any network");
  }
  return found.address;
}

test("a page over plain http links by hand and draws, without what browsers keep from it", async ({
  open,
}) => {
  const { url: printed } = await startDemo(await newHome(), "--host", "0.0.0.0");
  const url = `http://${lanAddress()}:${new URL(printed).port}`;
  const page = await open(url, { form: QUICK_FORM });
  expect(
    await page.page.evaluate(() => ({
      isSecureContext,
      subtle: typeof crypto.subtle,
      randomUUID: typeof crypto.randomUUID,
      clipboard: typeof navigator.clipboard,
    })),
  ).toEqual({
    isSecureContext: false,
    subtle: "undefined",
    randomUUID: "undefined",
    clipboard: "undefined",
  });

  // The demo's one-click link is for this very machine: here it does not exist.
  expect(await (await page.page.request.get(`${url}/api/demo`)).json()).toEqual({ demo: false });
  const forced = await page.page.request.post(`${url}/api/demo/pair`, { data: { id: 1 } });
  expect(forced.status()).toBe(404);
  await page.byId("create-link").click();
  const key = await page.byId("link-key").innerText();
  expect(await page.byId("link-demo").count()).toBe(0);

  // Without the clipboard's own interface, copying works the old way.
  await page.copies("copy-key");
  expect(await page.pasted()).toBe(key);

  const extension = startExtension(await newHome(), url, "--key", key);
  await extension.says(/Linked through/);
  await page.isLinked();
  const { last: picture } = await drawUntil(
    async (round) => {
      await page.travels("direct", "open");
      return (await page.draw(round))[0];
    },
    (drawn) => drawn?.path === "direct",
  );
  const expected = sha256(await drawDemoPicture(QUICK_FORM));
  expect(picture).toEqual({ path: "direct", seed: QUICK_FORM.seed, sha256: expected });
  expect(sha256(await page.newestBytes())).toBe(expected);

  // The only server asked for an address is ours.
  expect(new Set(await page.iceServers())).toEqual(new Set([`stun:${new URL(url).host}`]));
});
