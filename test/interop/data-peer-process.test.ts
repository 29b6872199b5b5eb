/** Closing leaves nothing behind that keeps a process alive, whatever was under way. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { within } from "../support/deadline.ts";

const SCRIPT = fileURLToPath(new URL("../support/data-peer-process.ts", import.meta.url));
const START_MS = 20_000;
/** werift's longest timer for a handshake that has begun has 3 s; a forgotten deadline has 30 s. */
const EXIT_MS = 10_000;

test.each(["gathering", "connecting", "open"])(
  "closed while %s, a process ends",
  async (moment) => {
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    onTestFinished(() => void silent.close());
    await once(silent, "listening");
    const flags = ["--conditions", "@beeline/source", "--import", "tsx"];
    const args = [...flags, SCRIPT, moment, String(silent.address().port)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill());
    const ended = once(child, "exit");
    await within(START_MS, "the closing", once(child.stdout, "data"));
    const [code] = await within(EXIT_MS, "the end of the process", ended);
    expect(code).toBe(0);
  },
);
