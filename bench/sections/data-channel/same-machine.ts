/** Without a network: 64 MB to Chromium and to Node, and what the sender's processor pays for it. */

import type { Direction } from "../../report/result-schema.ts";
import { rounded } from "../../report/summary.ts";
import { situationOf } from "../../situations.ts";
import { openLoopbackStage } from "../../stage/loopback-stage.ts";
import { cpuMsOf } from "../../stage/usage.ts";
import {
  dataPeer,
  dataPeerToNode,
  known,
  wrtcToNode,
} from "../../subjects/data-channel-subjects.ts";
import type { Subject } from "../../subjects/subject.ts";
import type { Section } from "../section.ts";
import { CELL_LIMIT_MS, type ChannelScale } from "./bench-scale.ts";
import { Rounds } from "./rounds.ts";
import { goodputOf, Troupe } from "./troupe.ts";

const MB = 1_000_000;
const OURS = "Beeline data peer";

export async function measureChromium(scale: ChannelScale): Promise<Section[]> {
  const subjects = {
    [OURS]: dataPeer,
    "node-datachannel": known("node-datachannel"),
    "stock werift": known("werift"),
  };
  const { speeds, cpu, troubles } = await carry(subjects, ["down", "up"], scale);
  const down = speeds("down");
  return [
    {
      title: `Data channel: ${scale.machineBytes / MB} MB Node to Chromium, same machine`,
      figures: down.figures,
      notes: [
        down.compare(OURS, "node-datachannel", "at least 1.0"),
        down.compare("stock werift", "node-datachannel", "none; issue 6 says 0.15 to 0.3"),
        ...troubles,
      ],
      unshown:
        "It does not show a network: sender, receiver and everything else on the machine share its processors.",
    },
    {
      title: `Data channel: ${scale.machineBytes / MB} MB Chromium to Node, same machine`,
      figures: speeds("up").figures,
      notes: [
        "For information: Chromium's sender sets the pace. One that did not end in time counts as 0.",
      ],
      unshown: "It does not show our congestion control, which only decides what we send.",
    },
    {
      title: "Data channel: processor time of the sending process, per MB",
      figures: cpu.figures,
      notes: [
        cpu.compare(OURS, "stock werift", "at most 0.5"),
        "Ours includes looking into each packet for the count of retransmissions.",
      ],
      unshown: "It does not show Chromium's share, nor the kernel's work in interrupts.",
    },
  ];
}

export async function measureNode(scale: ChannelScale): Promise<Section[]> {
  const theirs = "@roamhq/wrtc";
  const subjects = { [OURS]: dataPeerToNode, [theirs]: wrtcToNode };
  const { speeds, cpu, troubles } = await carry(subjects, ["down"], scale);
  const down = speeds("down");
  const mine = rounded(cpu.medianOf(OURS));
  return [
    {
      title: `Data channel: ${scale.machineBytes / MB} MB Node to Node, same machine`,
      figures: down.figures,
      notes: [
        down.compare(OURS, theirs, "at least 0.8, better 1.0"),
        `Sender's processor time per MB: ours ${mine} ms, theirs ${rounded(cpu.medianOf(theirs))} ms.`,
        ...troubles,
        "wrtc has threads of its own where ours has one.",
      ],
      unshown: "It does not show a browser.",
    },
  ];
}

async function carry(
  subjects: Readonly<Record<string, Subject>>,
  directions: readonly Direction[],
  { machineRounds, machineBytes, seed }: ChannelScale,
): Promise<{ speeds(direction: Direction): Rounds; cpu: Rounds; troubles: readonly string[] }> {
  const speeds = { down: new Rounds(), up: new Rounds() };
  const cpu = new Rounds();
  const stage = openLoopbackStage(situationOf("same-machine"));
  const troupe = await Troupe.open(stage, subjects, seed);
  try {
    for (let round = 0; round < machineRounds; round += 1) {
      for (const direction of directions) {
        for (const name of troupe.order) {
          await troupe.turn(name, async (connection, { processes }) => {
            const senders = processes.extension ?? [];
            const before = cpuMsOf(senders);
            const transfer = await connection.transfer(machineBytes, direction, CELL_LIMIT_MS);
            speeds[direction].note(name, "Mbit/s", round, goodputOf(transfer));
            if (direction === "up" || transfer.bytes === 0) return;
            const ms = cpuMsOf(senders) - before;
            cpu.note(name, "ms/MB", round, ms / (transfer.bytes / MB));
          });
        }
      }
    }
  } finally {
    await troupe.close();
  }
  return { speeds: (direction) => speeds[direction], cpu, troubles: troupe.troubles };
}
