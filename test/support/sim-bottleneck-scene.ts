/**
 * Flows at one bottleneck, by the names of their controllers, and what came of them. The seeds are
 * fixed: a scene gives the same numbers on every run.
 */

import { type CongestionControl, createBbr, createCubic } from "@beeline/sctp";
import { type Loss, SimBottleneck, SimTimeline } from "./sim-bottleneck.ts";
import { LinuxCubic } from "./sim-bottleneck-cubic.ts";
import { type FlowOptions, PACKET_BYTES, SimFlow } from "./sim-bottleneck-flow.ts";
import { Random } from "./sim-random.ts";

export type ControllerName = "bbr" | "cubic" | "tcp";

const BYTES_PER_MS_OF_MBIT = 125;
/** Ten packets: shorter buffers are nobody's router. */
const LEAST_BUFFER_BYTES = 10 * PACKET_BYTES;

export interface SceneOptions {
  readonly mbit: number;
  readonly rttMs: number;
  /** In products of rate and round trip. */
  readonly bufferBdp: number;
  readonly loss?: Loss;
  readonly seed?: number;
}

export interface Measured {
  /** Of the link's rate, flow by flow. */
  readonly shares: readonly number[];
  readonly used: number;
  readonly queueMeanMs: number;
  readonly queueMostMs: number;
}

type AddOptions = Partial<Omit<FlowOptions, "control" | "seed">>;

export class BottleneckScene {
  readonly timeline = new SimTimeline();
  readonly bottleneck: SimBottleneck;
  readonly flows: SimFlow[] = [];
  readonly bytesPerMs: number;
  readonly bdpBytes: number;
  readonly #rttMs: number;
  readonly #seed: number;

  constructor(options: SceneOptions) {
    this.#seed = options.seed ?? 1;
    this.#rttMs = options.rttMs;
    this.bytesPerMs = options.mbit * BYTES_PER_MS_OF_MBIT;
    this.bdpBytes = this.bytesPerMs * options.rttMs;
    const bufferBytes = Math.max(LEAST_BUFFER_BYTES, options.bufferBdp * this.bdpBytes);
    const { bytesPerMs } = this;
    const link = { bytesPerMs, bufferBytes, loss: options.loss ?? { kind: "none" as const } };
    this.bottleneck = new SimBottleneck(this.timeline, link, this.#seed);
  }

  /** Ours have Node's timer: whole milliseconds, up to one late. TCP has the kernel's. */
  add(name: ControllerName, options: AddOptions = {}): SimFlow {
    const seed = this.#seed * 1_000 + this.flows.length;
    const flow = new SimFlow(this.timeline, this.bottleneck, {
      rttMs: this.#rttMs,
      ...(name === "tcp" ? {} : { timerLateMs: 1 }),
      ...options,
      control: createController(name, seed),
      seed,
    });
    this.flows.push(flow);
    return flow;
  }

  run(forMs: number): void {
    this.timeline.runUntil(this.timeline.nowMs + forMs);
  }

  measure(forMs: number): Measured {
    const before = this.flows.map(({ deliveredBytes }) => deliveredBytes);
    this.bottleneck.startMeasuring();
    this.run(forMs);
    const queue = this.bottleneck.queueMs();
    const shares = this.flows.map(
      (flow, index) => (flow.deliveredBytes - (before[index] ?? 0)) / forMs / this.bytesPerMs,
    );
    return {
      shares,
      used: shares.reduce((sum, share) => sum + share, 0),
      queueMeanMs: queue.mean,
      queueMostMs: queue.most,
    };
  }
}

function createController(name: ControllerName, seed: number): CongestionControl {
  if (name === "tcp") return new LinuxCubic(PACKET_BYTES);
  const random = new Random(seed);
  const create = name === "bbr" ? createBbr : createCubic;
  return create({ packetBytes: PACKET_BYTES, random: () => random.next() });
}

export const LOSSES: ReadonlyArray<{ readonly name: string; readonly loss: Loss }> = [
  { name: "no loss", loss: { kind: "none" } },
  { name: "0.5 % random", loss: { kind: "random", share: 0.005 } },
  { name: "1 % random", loss: { kind: "random", share: 0.01 } },
  { name: "2 % random", loss: { kind: "random", share: 0.02 } },
  { name: "0.5 % in bursts", loss: { kind: "bursty", share: 0.005, meanPackets: 4 } },
  { name: "1 % in bursts", loss: { kind: "bursty", share: 0.01, meanPackets: 4 } },
  { name: "2 % in bursts", loss: { kind: "bursty", share: 0.02, meanPackets: 4 } },
];

/** One flow alone: after its start, for as long as two probing cycles take. */
export function measureAlone(name: ControllerName, options: SceneOptions): Measured {
  const scene = new BottleneckScene(options);
  scene.add(name);
  scene.run(Math.max(1_000, 15 * options.rttMs));
  return scene.measure(8_000);
}

/** Two flows from the start; measured when both had 10 s, for 30 s. */
export function measureTogether(
  ours: ControllerName,
  other: ControllerName,
  options: SceneOptions,
): Measured {
  const scene = new BottleneckScene(options);
  scene.add(ours);
  scene.add(other);
  scene.run(10_000);
  return scene.measure(30_000);
}
