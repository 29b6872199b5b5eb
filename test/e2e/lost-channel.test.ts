/**
 * A direct channel that dies costs nothing but a moment: what was on its way arrives once and whole,
 * and the next channel opens by itself.
 */
import { beforeAll, expect } from "vitest";
import { type DemoForm, drawDemoPicture, QUICK_FORM, sha256 } from "../support/demo-picture.ts";
import { drawUntil } from "../support/draw-until.ts";
import { type LinkPage, test } from "../support/link-page.ts";
import { openLocalDemo } from "../support/local-demo.ts";

const FORM: DemoForm = { ...QUICK_FORM, width: 512, height: 512 };

/** The first connection dies once its channel has brought this much: a fraction of the picture. */
const CUT_AFTER_BYTES = 100_000;
const CUT_WITHIN_PICTURE = `
  globalThis.cuts = 0;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      let bytes = 0;
      this.addEventListener("datachannel", ({ channel }) => {
        channel.addEventListener("message", ({ data }) => {
          bytes += data.byteLength;
          if (globalThis.cuts > 0 || bytes < ${CUT_AFTER_BYTES}) return;
          globalThis.cuts += 1;
          this.close();
        });
      });
    }
  };`;

let drawn: Buffer;

beforeAll(async () => {
  drawn = await drawDemoPicture(FORM);
});

test("a channel that dies within a picture loses no byte of it", async ({ open }) => {
  expect(drawn.length).toBeGreaterThan(2 * CUT_AFTER_BYTES);
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: FORM, before: CUT_WITHIN_PICTURE });
  await page.linkDemo();
  // The cut comes with the first picture that the channel carries.
  const { last, rounds } = await drawUntil(
    async (round) => {
      await page.travels("direct", "open");
      const [picture] = await page.draw(round);
      return { picture, cuts: Number(await page.page.evaluate("cuts")) };
    },
    ({ cuts }) => cuts > 0,
  );

  expect(last.cuts).toBe(1);
  expect(last.picture?.sha256).toBe(sha256(drawn));
  expect(sha256(await page.newestBytes())).toBe(sha256(drawn));
  await onceReplaced(page);
  await page.travels("direct", "open");
  expect(demo.jobs, "jobs drawn").toHaveLength(rounds);
  expect(await page.pictures(rounds)).toHaveLength(rounds);
});

test("a channel that dies while the picture is drawn is replaced before anybody notices", async ({
  open,
}) => {
  const demo = await openLocalDemo({ stepMs: 300 });
  const page = await open(demo.url, { form: FORM });
  await page.linkDemo();
  await page.travels("direct", "open");
  await page.byId("generate").click();
  await page.reachesStep(2);

  await page.cutDirect();

  const [picture] = await page.pictures(1);
  expect(picture?.sha256).toBe(sha256(drawn));
  expect(demo.jobs, "jobs drawn").toHaveLength(1);
  await page.travels("direct", "open");
  await onceReplaced(page);
});

test("after a channel has died, the next picture comes directly again", async ({ open }) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: FORM });
  await page.linkDemo();
  await page.travels("direct", "open");
  await page.cutDirect();
  await onceReplaced(page);
  const { last } = await drawUntil(
    async (round) => {
      await page.travels("direct", "open");
      const { relayedBytes } = demo.server.metrics();
      const [picture] = await page.draw(round);
      return { picture, relayed: demo.server.metrics().relayedBytes - relayedBytes };
    },
    ({ picture, relayed }) => picture?.path === "direct" && relayed < drawn.length / 20,
  );
  expect(last.picture).toEqual({ path: "direct", seed: FORM.seed, sha256: sha256(drawn) });
  expect(last.relayed).toBeLessThan(drawn.length / 20);
});

/**
 * Waits until another connection is open, and no more than one. A busy machine may need more than two
 * attempts. Not waitForFunction, whose second look is an eval in the page, which the page forbids.
 */
async function onceReplaced(page: LinkPage): Promise<void> {
  const isReplaced = async () => {
    const { open, made } = await page.connections();
    return open === 1 && made > 1;
  };
  await expect.poll(isReplaced).toBe(true);
}
