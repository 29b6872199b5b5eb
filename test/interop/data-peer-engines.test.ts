/**
 * The data peer with engines of other makes, both as offerer and as answerer: messages from one byte
 * to the most that the other side takes, there and back.
 */

import type { RtcSignal } from "@beeline/paths";
import wrtc from "@roamhq/wrtc";
import { cleanup } from "node-datachannel";
import { RTCPeerConnection as DatachannelPeerConnection } from "node-datachannel/polyfill";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { RTCPeerConnection as WeriftPeerConnection } from "werift";
import { launchChromium } from "../support/chromium.ts";
import { DataPeerEcho } from "../support/data-peer-echo.ts";
import { EchoPeer } from "../support/echo-peer.ts";
import { bundleForPage } from "../support/page-bundle.ts";

/** What a data channel takes where nothing else is said (RFC 8841 section 6.1), and what we offer. */
const SMALL = 65_536;
const LARGE = 262_144;

/** Around the edges of packets and of sizes that engines treat apart, then the most. */
const sizes = (most: number): number[] => [
  1,
  2,
  1_131,
  1_132,
  1_133,
  2_049,
  16_384,
  SMALL - 1,
  most,
];

interface Other {
  accept(signal: RtcSignal): void;
  close(): void;
}

type CreateOther = (isOfferer: boolean, onSignal: (signal: RtcSignal) => void) => Promise<Other>;

function inNode(create: () => RTCPeerConnection): CreateOther {
  return async (isOfferer, onSignal) => {
    const peer = new EchoPeer(create(), isOfferer, onSignal);
    return {
      accept: (signal) => void peer.accept(signal).catch(() => {}),
      close: () => peer.close(),
    };
  };
}

let browser: Browser;
let script: string;

beforeAll(async () => {
  [script, browser] = await Promise.all([
    bundleForPage(new URL("../support/echo-peer.ts", import.meta.url), "echoPage"),
    launchChromium(),
  ]);
});

afterAll(async () => {
  await browser?.close();
  cleanup();
});

const inChromium: CreateOther = async (isOfferer, onSignal) => {
  const page: Page = await browser.newPage();
  await page.addScriptTag({ content: script });
  await page.exposeFunction("signalToNode", onSignal);
  await page.evaluate(
    `peer = new echoPage.EchoPeer(new RTCPeerConnection(), ${isOfferer}, signalToNode); 0`,
  );
  return {
    accept: (signal) => {
      page.evaluate(`peer.accept(${JSON.stringify(signal)})`).catch(() => {});
    },
    close: () => void page.close(),
  };
};

const engines: [name: string, most: number, create: CreateOther][] = [
  ["Chromium", LARGE, inChromium],
  ["wrtc", LARGE, inNode(() => new wrtc.RTCPeerConnection())],
  [
    "node-datachannel",
    LARGE,
    inNode(() => new DatachannelPeerConnection({ iceServers: [] }) as unknown as RTCPeerConnection),
  ],
  [
    "werift",
    SMALL,
    inNode(() => new WeriftPeerConnection({ iceServers: [] }) as unknown as RTCPeerConnection),
  ],
];

describe.each(engines)("with %s", (_name, most, create) => {
  test.each([
    ["offers", true],
    ["answers", false],
  ])("the data peer %s: messages of all sizes come back as they were", async (_role, isOfferer) => {
    let other: Other | undefined;
    const early: RtcSignal[] = [];
    const echo = new DataPeerEcho({ isOfferer }, (signal) => {
      if (other === undefined) early.push(signal);
      else other.accept(signal);
    });
    onTestFinished(() => {
      echo.close();
      other?.close();
    });
    other = await create(!isOfferer, (signal) => echo.accept(signal));
    for (const signal of early) other.accept(signal);
    await echo.opened();
    expect(await echo.exchange(sizes(most))).toEqual([]);
  });
});
