/**
 * A link of the lab: the TypeScript end of link.c, which says what happens to a packet.
 *
 * Direction `up` is from the end named first, `down` the other. Settings are whole: what a shape
 * does not mention is as on a perfect wire.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { compiled, ip } from "./system.ts";

/** How one direction of a link behaves. */
export interface Shape {
  readonly delayMs?: number;
  /** At most so much more than the delay; no packet overtakes another unless `reorder`. */
  readonly jitterMs?: number;
  readonly reorder?: boolean;
  /** Absent: as fast as the machine. */
  readonly mbitPerSecond?: number;
  /** What waits to be sent, beyond which packets are lost. Default: {@link defaultQueueBytes}. */
  readonly queueBytes?: number;
  /** Share of packets lost, each on its own. */
  readonly loss?: number;
  /** Besides: packets lost in a row, `length` of them on average. */
  readonly burst?: { readonly loss: number; readonly length: number };
}

/** Counted since the link was made. */
export interface LinkCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly queueDrops: number;
  readonly randomDrops: number;
  readonly burstDrops: number;
  readonly cutDrops: number;
  readonly queueMaxBytes: number;
  readonly queuedBytes: number;
}

export interface LinkEnd {
  readonly namespace: string;
  readonly interface: string;
}

/** Home routers hold some 100 ms of their uplink; below 64 KiB a single burst of a sender is lost. */
export function defaultQueueBytes(mbitPerSecond: number): number {
  return Math.max(64 * 1024, (mbitPerSecond * 1e6 * 0.1) / 8);
}

/** The settings of link.c for a shape. @throws for bursts that there cannot be. */
export function settingsOf(shape: Shape): string {
  const { mbitPerSecond = 0, burst = { loss: 0, length: 1 } } = shape;
  // Even with a single packet between two bursts, no more can be lost.
  const most = burst.length / (burst.length + 1);
  if (burst.loss > most) {
    const lost = `bursts of ${burst.length} packets lose at most ${most} of them`;
    throw new Error(`${lost}, not ${burst.loss}: ask for less, or for longer bursts`);
  }
  const settings = {
    delayUs: (shape.delayMs ?? 0) * 1000,
    jitterUs: (shape.jitterMs ?? 0) * 1000,
    reorder: shape.reorder === true ? 1 : 0,
    rate: mbitPerSecond * 1e6,
    queueBytes: shape.queueBytes ?? defaultQueueBytes(mbitPerSecond),
    loss: shape.loss ?? 0,
    burst: burst.loss,
    burstLength: burst.length,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** Packets that may wait for link.c to read them; a busy machine reads late, and nothing may get lost. */
const READ_BACKLOG_PACKETS = 20_000;

export class Link {
  readonly #process: ChildProcess;
  readonly #answers: ((line: string) => void)[] = [];
  /** The interface at the end that was named second. */
  readonly farInterface: string;

  private constructor(process: ChildProcess, farInterface: string) {
    this.#process = process;
    this.farInterface = farInterface;
    const { stdin, stdout } = process;
    if (stdin === null || stdout === null) throw new Error("a link needs its pipes");
    // The program ends with its namespaces; then nobody reads what is still said to it.
    stdin.on("error", () => {});
    createInterface({ input: stdout }).on("line", (line) => this.#answers.shift()?.(line));
    process.once("exit", () => {
      for (const answer of this.#answers.splice(0)) answer("no: the link's program has ended");
    });
  }

  static async open(upstart: LinkEnd, downstart: LinkEnd, seed: number): Promise<Link> {
    const ends = [upstart, downstart].flatMap((end) => [end.namespace, end.interface]);
    // Inside a namespace of the lab, so that it is found and ended with everything else; not in the
    // first one's, which may be a host's and put to sleep.
    const enter = `--net=/run/netns/${downstart.namespace}`;
    const link = new Link(
      spawn("nsenter", [enter, compiled("link.c"), ...ends, String(seed)], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
      downstart.interface,
    );
    const ready = await link.#answer();
    if (ready !== "ready") throw new Error(`link ${ends.join(" ")}: ${ready}`);
    for (const end of [upstart, downstart]) {
      ip(
        end.namespace,
        `link set ${end.interface} txqueuelen ${READ_BACKLOG_PACKETS} addrgenmode none up`,
      );
    }
    return link;
  }

  /** Both directions alike, or each its own; applies to packets under way as well. */
  async shape(both: Shape | { readonly up: Shape; readonly down: Shape }): Promise<void> {
    const { up, down } = "up" in both ? both : { up: both, down: both };
    await this.#say(`set 0 ${settingsOf(up)}`);
    await this.#say(`set 1 ${settingsOf(down)}`);
  }

  /** Everything is lost from now on, also what is on the wire; neither end is told. */
  async cut(): Promise<void> {
    await this.#say("set 0 cut=1");
    await this.#say("set 1 cut=1");
  }

  async restore(): Promise<void> {
    await this.#say("set 0 cut=0");
    await this.#say("set 1 cut=0");
  }

  async counters(): Promise<{ readonly up: LinkCounters; readonly down: LinkCounters }> {
    const [up, down] = JSON.parse(await this.#ask("stats")) as [LinkCounters, LinkCounters];
    return { up, down };
  }

  /** Both interfaces vanish. */
  async close(): Promise<void> {
    const { exitCode, signalCode, stdin } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    stdin?.end();
    await gone;
  }

  async #say(line: string): Promise<void> {
    const answer = await this.#ask(line);
    if (answer !== "ok") throw new Error(`the link was told "${line}" and answered "${answer}"`);
  }

  #ask(line: string): Promise<string> {
    const answer = this.#answer();
    this.#process.stdin?.write(`${line}\n`);
    return answer;
  }

  #answer(): Promise<string> {
    return new Promise((resolve) => this.#answers.push(resolve));
  }
}
