/**
 * Direct made impossible, on either side and in between: the same picture arrives, by relay, and the
 * page gives the right reason.
 */
import { DIRECT_REASONS } from "@beeline/protocol";
import { beforeAll, expect } from "vitest";
import { drawDemoPicture, QUICK_FORM, sha256 } from "../support/demo-picture.ts";
import { type LinkPage, test } from "../support/link-page.ts";
import { type LocalDemo, openLocalDemo } from "../support/local-demo.ts";

/** A browser without WebRTC, as hardened ones are. */
const NO_WEBRTC = "delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection;";

/** No candidate leaves the page or reaches it: a network on which UDP goes nowhere. */
const NO_ROUTE = `
  const { prototype } = RTCPeerConnection;
  const { setRemoteDescription } = prototype;
  prototype.setRemoteDescription = function ({ type, sdp }) {
    const lines = sdp.split("\\r\\n").filter((line) => !line.startsWith("a=candidate"));
    return setRemoteDescription.call(this, { type, sdp: lines.join("\\r\\n") });
  };
  prototype.addIceCandidate = async () => {};
  Object.defineProperty(prototype, "onicecandidate", { set() {}, get: () => null });`;

let expected: string;

beforeAll(async () => {
  expected = sha256(await drawDemoPicture(QUICK_FORM));
});

async function arrivesByRelay(demo: LocalDemo, page: LinkPage): Promise<void> {
  const { relayedBytes } = demo.server.metrics();
  const [picture] = await page.draw(1);
  const bytes = await page.newestBytes();
  expect(picture).toEqual({ path: "relay", seed: QUICK_FORM.seed, sha256: expected });
  expect(sha256(bytes)).toBe(expected);
  expect(demo.server.metrics().relayedBytes - relayedBytes).toBeGreaterThan(bytes.length);
  expect(await page.channelBytes()).toEqual({ received: 0, sent: 0 });
}

test("an extension that never connects directly sends the same picture by relay", async ({
  open,
}) => {
  const demo = await openLocalDemo({ direct: false });
  const page = await open(demo.url, { form: QUICK_FORM });
  await page.linkDemo();
  await page.travels("relay", "disabled-there");
  expect(await page.byId("path-badge").innerText()).toContain(DIRECT_REASONS["disabled-there"]);
  await arrivesByRelay(demo, page);
  expect(await page.connections()).toEqual({ open: 0, made: 0 });
});

test("a browser without WebRTC gets the same picture by relay", async ({ open }) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: QUICK_FORM, before: NO_WEBRTC });
  await page.linkDemo();
  await page.travels("relay", "no-webrtc");
  expect(await page.byId("path-badge").innerText()).toContain(DIRECT_REASONS["no-webrtc"]);
  await arrivesByRelay(demo, page);
});

test("a person who wants the relay only gets it, and direct again on changing their mind", async ({
  open,
}) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: QUICK_FORM });
  await page.linkDemo();
  await page.travels("direct", "open");

  await choosePolicy(page, "Relay only");
  await page.travels("relay", "policy");
  const [picture] = await page.draw(1);
  expect(picture).toMatchObject({ path: "relay", sha256: expected });

  await choosePolicy(page, "Prefer direct");
  await page.travels("direct", "open");
});

async function choosePolicy(page: LinkPage, label: string): Promise<void> {
  await page.byId("path-badge").click();
  await page.byId("path-policy").click();
  await page.page.getByRole("option", { name: label }).click();
  await page.page.keyboard.press("Escape");
}

test("where no route is found, the picture comes by relay, and the page says so once tried", async ({
  open,
}) => {
  const demo = await openLocalDemo();
  const page = await open(demo.url, { form: QUICK_FORM, before: NO_ROUTE });
  await page.linkDemo();
  // The relay waits for nothing: the picture is there while the attempt is still under way.
  await page.travels("relay", "connecting");
  await arrivesByRelay(demo, page);
  await page.travels("relay", "ice-failed");
  expect(await page.byId("path-badge").innerText()).toContain(DIRECT_REASONS["ice-failed"]);
});
