/** This computer as it is: every place is here. Needs no rights and changes nothing. */

import { spawn } from "node:child_process";
import type { Situation } from "../situations.ts";
import type { Seat, Stage } from "./stage.ts";

const HERE: Seat = {
  address: "127.0.0.1",
  spawn: (program, args, options) => spawn(program, args, options),
  wrap: async (executable) => executable,
};

export function openLoopbackStage(situation: Situation): Stage {
  return {
    situation,
    seats: { page: HERE, home: HERE, server: HERE },
    iceServers: [],
    // The kernel's choice is the whole machine's, which is not ours to change.
    withCongestionControl: () => Promise.reject(new Error("loopback has the machine's")),
    close: async () => {},
  };
}
