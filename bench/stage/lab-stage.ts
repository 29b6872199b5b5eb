/** A situation in the network lab: each place is a host of it, with its link shaped as the situation says. */

import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTurnServer, type TurnServerActor } from "../../test/netlab/actors/turn-server.ts";
import type { Host } from "../../test/netlab/host.ts";
import { Lab } from "../../test/netlab/lab.ts";
import type { Shape } from "../../test/netlab/link.ts";
import { whyNot } from "../../test/netlab/why-not.ts";
import type { IceServerOptions } from "../ends/asker.ts";
import { type Line, PLACES, type Situation } from "../situations.ts";
import type { CongestionControl, Seat, Stage } from "./stage.ts";

/** Longer than any run of the bench. */
const TURN_CREDENTIAL_S = 24 * 3600;
/**
 * What Windows, macOS, Android and Linux use if nobody chooses: so does everybody here, the server too,
 * but for the yardstick that is told otherwise.
 */
const USUAL_CONTROL: CongestionControl = "cubic";
/** A queue that holds less than this many packets is none: a burst of one sender's timer is lost. */
const MIN_QUEUE_BYTES = 16 * 1500;

/** Why there can be no lab on this machine; undefined: there can. */
export const whyNoLab: () => string | undefined = whyNot;

/** @param seed decides which packets links lose. */
export async function openLabStage(situation: Situation, seed: number): Promise<Stage> {
  const { access } = situation;
  if (access === undefined) throw new Error(`${situation.id} is played on loopback`);
  const lab = await Lab.open({ seed });
  try {
    const kind = situation.nat === "turn-only" ? "symmetric" : "open";
    const page = await lab.site("page", kind);
    const home = await lab.site("home", kind);
    const server = await lab.site("server", "open");
    const sites = { page, home, server };
    const reshape = async (wanted: typeof access): Promise<void> => {
      for (const place of PLACES) {
        const { up, down } = wanted[place];
        await sites[place].uplink.shape({ up: shapeOf(up), down: shapeOf(down) });
      }
    };
    await reshape(access);
    const hosts = [page.host, home.host, server.host];
    const useControl = (control: CongestionControl): boolean =>
      hosts.every((host) => setControl(host, control));
    if (!useControl(USUAL_CONTROL)) throw new Error(`the kernel has no ${USUAL_CONTROL}`);
    const turn = await startTurnServer(server.host);
    const needsTurn = situation.nat === "turn-only";
    return {
      situation,
      seats: { page: seatOf(page.host), home: seatOf(home.host), server: seatOf(server.host) },
      iceServers: iceServersOf(turn, server.host, needsTurn),
      turnPids: needsTurn ? [turn.program.process.pid ?? 0] : [],
      withCongestionControl: async (control, connect) => {
        if (!useControl(control)) throw new Error(`the kernel does not offer ${control}`);
        try {
          return await connect();
        } finally {
          useControl(USUAL_CONTROL);
        }
      },
      links: {
        reshape,
        counters: (place) => sites[place].uplink.counters(),
        unread: (place) => unreadDatagrams(sites[place].host),
      },
      close: () => lab.close(),
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** The lab's words for a line of a situation. */
export function shapeOf({ mbitPerSecond, delayMs, jitterMs, queueMs, loss }: Line): Shape {
  const queueBytes = Math.max(MIN_QUEUE_BYTES, Math.round((mbitPerSecond * 1000 * queueMs) / 8));
  const shape = { mbitPerSecond, delayMs, jitterMs, queueBytes };
  if (loss.kind === "random") return { ...shape, loss: loss.ratio };
  if (loss.kind === "bursty") {
    return { ...shape, burst: { loss: loss.ratio, length: loss.burst } };
  }
  return shape;
}

function seatOf(host: Host): Seat {
  return {
    address: host.urlHost("ipv4"),
    folder: host.folder,
    spawn: (program, args, options) => host.spawn(program, args, options),
    async wrap(executable) {
      const wrapper = join(host.folder, "program.sh");
      const command = [...host.enter, executable].map((word) => `'${word}'`).join(" ");
      writeFileSync(wrapper, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
      return wrapper;
    },
  };
}

/** The kernel counts them for each namespace: IPv4 as a column, IPv6 as a line. */
function unreadDatagrams(host: Host): number {
  const text = host.run("cat", "/proc/net/snmp", "/proc/net/snmp6");
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith("Udp: "))
    .map((line) => line.split(" "));
  const ipv4 = Number(values[names.indexOf("RcvbufErrors")]);
  const ipv6 = Number(/^Udp6RcvbufErrors\s+(\d+)/m.exec(text)?.[1]);
  return ipv4 + ipv6;
}

/**
 * coturn beside the link server: for everybody's STUN, and as TURN server, with credentials as its
 * REST interface has them, where nothing else gets through.
 */
function iceServersOf(
  { secret, urls }: TurnServerActor,
  host: Host,
  needsTurn: boolean,
): IceServerOptions[] {
  const stun = { urls: `stun:${host.urlHost("ipv4")}:3478` };
  if (!needsTurn) return [stun];
  const username = `${Math.floor(Date.now() / 1000) + TURN_CREDENTIAL_S}:bench`;
  const credential = createHmac("sha1", secret).update(username).digest("base64");
  return [stun, { urls: urls[0] ?? "", username, credential }];
}

/**
 * By the route, not by the namespace's default: a kernel lets only the first namespace choose any
 * default it likes, and the machine's own network is not ours to change.
 */
function setControl(host: Host, control: CongestionControl): boolean {
  try {
    const route = host.run("ip", "route", "show", "default").replace(/ congctl \S+/, "");
    host.run("ip", "route", "replace", ...route.trim().split(/\s+/), "congctl", control);
    return true;
  } catch {
    return false;
  }
}
