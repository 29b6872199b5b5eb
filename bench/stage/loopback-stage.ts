/** This computer as it is: every place is here. Needs no rights and changes nothing. */

import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Situation } from "../situations.ts";
import type { Seat, Stage } from "./stage.ts";

export function openLoopbackStage(situation: Situation): Stage {
  const folder = mkdtempSync(join(tmpdir(), "beeline-bench-"));
  const here: Seat = {
    address: "127.0.0.1",
    folder,
    spawn: (program, args, options) => spawn(program, args, options),
    wrap: async (executable) => executable,
  };
  return {
    situation,
    seats: { page: here, home: here, server: here },
    iceServers: [],
    turnPids: [],
    // The kernel's choice is the whole machine's, which is not ours to change.
    withCongestionControl: () => Promise.reject(new Error("loopback has the machine's")),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
