import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { situationOf } from "../situations.ts";
import { NodeHome } from "../subjects/home-side.ts";
import { MeetingServer } from "../subjects/meeting-server.ts";
import { openLoopbackStage } from "./loopback-stage.ts";
import { Program } from "./program.ts";

/** Two programs of Node start, and an extension in one of them, twice. */
const PATIENCE_MS = 60_000;

test(
  "a home comes back to its server, and nothing of either is left when the stage is gone",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stage-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());

    const stage = openLoopbackStage(situationOf("same-machine"));
    const server = await MeetingServer.start(stage, "beeline");
    const home = new NodeHome(new Program(stage.seats.home, "home-end.ts"), "beeline");
    const options = { server: server.url, iceServers: [], home: "" };
    await home.open({ ...options, key: await server.key("new") });
    const key = await server.key("current");
    await home.leave();
    await home.open({ ...options, key });
    expect(await server.key("current")).toBe(key);

    await home.end();
    await server.close();
    await stage.close();
    // What Node's loader keeps is no file of ours.
    expect(readdirSync(folder).filter((name) => name.startsWith("beeline"))).toEqual([]);
  },
  PATIENCE_MS,
);
