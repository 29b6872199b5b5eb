/** Real transfers, as both ends saw their plain SCTP packets, read by Wireshark's dissector. */

import { join } from "node:path";
import wrtc from "@roamhq/wrtc";
import { expect, onTestFinished, test } from "vitest";
import { DataPeerEcho } from "../support/data-peer-echo.ts";
import { EchoPeer } from "../support/echo-peer.ts";
import { readWithTshark, SctpCapture } from "../support/sctp-capture.ts";
import { newFolder } from "../support/services.ts";

const SIZES = [1, 1_000, 65_536, 262_144];
/** 329 KB both ways, in packets of 2 KB at most, and what acknowledges them. */
const LEAST_PACKETS = 320;
/** Between two of ours on one machine they may have 16 KB. */
const LEAST_LARGE_PACKETS = 40;

interface Captured {
  readonly echo: DataPeerEcho;
  readonly capture: SctpCapture;
}

function capturing(isOfferer: boolean, toOther: (signal: never) => void): Captured {
  const capture = new SctpCapture();
  const echo = new DataPeerEcho(
    {
      isOfferer,
      acceptsZeroChecksum: false,
      onPacket: (_direction, packet) => capture.add(packet, performance.now()),
    },
    (signal) => queueMicrotask(() => toOther(signal as never)),
  );
  onTestFinished(() => echo.close());
  return { echo, capture };
}

async function transferToWrtc(): Promise<SctpCapture> {
  const ours = capturing(true, (signal) => void other.accept(signal));
  const other = new EchoPeer(new wrtc.RTCPeerConnection(), false, (signal) =>
    ours.echo.accept(signal),
  );
  onTestFinished(() => other.close());
  await ours.echo.opened();
  expect(await ours.echo.exchange(SIZES)).toEqual([]);
  return ours.capture;
}

async function transferToOurs(): Promise<[SctpCapture, SctpCapture]> {
  const one: Captured = capturing(true, (signal) => two.echo.accept(signal));
  const two: Captured = capturing(false, (signal) => one.echo.accept(signal));
  await Promise.all([one.echo.opened(), two.echo.opened()]);
  await Promise.all([one.echo.sendAll(SIZES), two.echo.sendAll(SIZES)]);
  await Promise.all([one.echo.received(SIZES.length), two.echo.received(SIZES.length)]);
  return [one.capture, two.capture];
}

async function written(capture: SctpCapture): Promise<string> {
  const path = join(await newFolder(), "transfer.pcap");
  capture.writeTo(path);
  return path;
}

test("a transfer between two data peers shows no error at either end", async () => {
  for (const capture of await transferToOurs()) {
    expect(capture.count).toBeGreaterThan(LEAST_LARGE_PACKETS);
    const { packets, complaints } = readWithTshark(await written(capture));
    expect(complaints).toEqual([]);
    expect(packets).toBe(capture.count);
  }
});

test("a transfer to libwebrtc and back shows none", async () => {
  const capture = await transferToWrtc();
  expect(capture.count).toBeGreaterThan(LEAST_PACKETS);
  expect(readWithTshark(await written(capture)).complaints).toEqual([]);
});

test("a packet that was damaged on purpose shows one", async () => {
  const capture = await transferToWrtc();
  const whole = capture.count;
  capture.addDamaged(100);
  const { complaints } = readWithTshark(await written(capture));
  expect(complaints).toHaveLength(1);
  expect(complaints[0]).toMatch(new RegExp(`^${whole + 1}: .*checksum`, "i"));
});
