/** Datagrams between hosts of the lab, as a test orders them; datagram-agent.mjs sends them. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { within } from "../../support/deadline.ts";
import type { Host } from "../host.ts";
import type { Link, LinkCounters } from "../link.ts";

const AGENT = join(import.meta.dirname, "datagram-agent.mjs");
/** Five thousand probes at a thousand a second, on a machine that does much else. */
const PATIENCE_MS = 15_000;
/** Between two looks at counters. */
const LOOK_EVERY_MS = 10;

/** No test sends so many; numbers from here on are {@link DatagramAgent.flushed}'s own. */
const FENCE = 1_000_000;

export type Order =
  | { readonly type: "open"; readonly port: number; readonly family: "udp4" | "udp6" }
  | { readonly type: "arrivals" | "forget" }
  | {
      readonly type: "send";
      /** The port of an open socket. */
      readonly from: number;
      readonly to: string;
      readonly port: number;
      readonly count: number;
      readonly perSecond: number;
      readonly bytes: number;
      readonly first: number;
    };

/** A datagram that came. */
export interface Arrival {
  readonly number: number;
  /** By the machine's steady clock. */
  readonly atUs: number;
  readonly oneWayUs: number;
  readonly from: string;
  readonly port: number;
  /** The port it came to. */
  readonly at: number;
}

export interface Salvo {
  readonly from: number;
  readonly to: string;
  readonly port: number;
  readonly count?: number;
  readonly perSecond?: number;
  /** Of the payload; IP and UDP add 28. */
  readonly bytes?: number;
  /** What they are numbered from. */
  readonly first?: number;
}

export class DatagramAgent {
  readonly host: Host;
  readonly #process: ChildProcess;
  #fences = 0;

  constructor(host: Host) {
    this.host = host;
    this.#process = host.spawn(process.execPath, [AGENT], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    // Many orders may be under way at once; each listens for its answer and for the end.
    this.#process.setMaxListeners(0);
  }

  /** @returns the port; 0 asks for any. */
  async open(port = 0, family: "udp4" | "udp6" = "udp4"): Promise<number> {
    return (await this.#order({ type: "open", port, family })) as number;
  }

  /** Resolves when the last one has left. One at a time. */
  async send(salvo: Salvo): Promise<void> {
    const defaults = { count: 1, perSecond: 1_000, bytes: 64, first: 0 };
    await this.#order({ type: "send", ...defaults, ...salvo });
  }

  /** What has come since {@link forget}, oldest first. */
  async arrivals(): Promise<readonly Arrival[]> {
    return (await this.#order({ type: "arrivals" })) as Arrival[];
  }

  async forget(): Promise<void> {
    await this.#order({ type: "forget" });
  }

  /** Waits until so many have come, and gives them. */
  async receives(count: number): Promise<readonly Arrival[]> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await pause(LOOK_EVERY_MS)) {
      const arrivals = (await this.arrivals()).filter((arrival) => !isFence(arrival));
      if (arrivals.length >= count) return arrivals;
      if (Date.now() > deadline) {
        throw new Error(`${arrivals.length} of ${count} datagrams came to ${this.host.name}`);
      }
    }
  }

  /**
   * Everything that has reached that socket so far, and nothing later: a datagram of its own comes
   * behind what waits there. A socket of IPv6 is told its own loopback.
   */
  async flushed(port: number, loopback = "127.0.0.1"): Promise<readonly Arrival[]> {
    this.#fences += 1;
    const number = FENCE + this.#fences;
    await this.send({ from: port, to: loopback, port, first: number });
    for (const deadline = Date.now() + PATIENCE_MS; ; await pause(LOOK_EVERY_MS)) {
      const arrivals = (await this.arrivals()).filter(({ at }) => at === port);
      if (arrivals.some((arrival) => arrival.number === number)) {
        return arrivals.filter((arrival) => !isFence(arrival));
      }
      if (Date.now() > deadline) throw new Error(`${this.host.name} does not reach itself`);
    }
  }

  /** Answers come in the order of the orders that they answer, one after the other. */
  async #order(order: Order): Promise<unknown> {
    const answer = new Promise<{ value?: unknown; error?: string }>((resolve, reject) => {
      this.#process.once("message", resolve);
      this.#process.once("exit", (code) => reject(new Error(`the agent ended with ${code}`)));
    });
    this.#process.send(order);
    const { value, error } = await within(PATIENCE_MS, `${order.type} to be done`, answer);
    if (error !== undefined) throw new Error(error);
    return value;
  }
}

function isFence({ number }: Arrival): boolean {
  return number >= FENCE;
}

/** Waits until a link has delivered or lost so many packets in one direction since `before`. */
export async function settled(
  link: Link,
  direction: "up" | "down",
  before: LinkCounters,
  packets: number,
): Promise<LinkCounters> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await pause(LOOK_EVERY_MS)) {
    const now = difference((await link.counters())[direction], before);
    const lost = now.queueDrops + now.randomDrops + now.burstDrops + now.cutDrops;
    if (now.packets + lost >= packets) return now;
    if (Date.now() > deadline) throw new Error(`the link still has some: ${JSON.stringify(now)}`);
  }
}

/** What was counted after `before`. */
function difference(after: LinkCounters, before: LinkCounters): LinkCounters {
  return {
    ...after,
    packets: after.packets - before.packets,
    bytes: after.bytes - before.bytes,
    queueDrops: after.queueDrops - before.queueDrops,
    randomDrops: after.randomDrops - before.randomDrops,
    burstDrops: after.burstDrops - before.burstDrops,
    cutDrops: after.cutDrops - before.cutDrops,
  };
}
