/** What targeted simulations share: a linked world, a command's way, and percentiles. */

import type { PathKind } from "@beeline/protocol";
import type { Side } from "./sim-link.ts";
import { SimWorld, type WorldOptions } from "./sim-world.ts";

/** Client and extension know each other over the relay, and directly if asked; all is quiet. */
export function linkedWorld(options: WorldOptions & { readonly withDirect: boolean }): SimWorld {
  const world = new SimWorld(options);
  world.connectRelay();
  world.run(2_000);
  if (options.withDirect) {
    world.connectDirect();
    world.run(2_000);
  }
  return world;
}

/** Sends one command and returns the virtual time until its answer is there: one round trip at best. */
export function commandMs(world: SimWorld, from: Side, patienceMs = 30_000): number {
  const startMs = world.clock.nowMs;
  const asking = world.peer(from).app;
  const answering = world.peer(from === "client" ? "extension" : "client").app;
  let answerId: number | undefined;
  let endMs: number | undefined;
  const questionId = asking.open({ priority: 0, size: 300, writeBytes: 300 });
  answering.onEnded = (id) => {
    if (id === questionId) answerId = answering.open({ priority: 0, size: 500, writeBytes: 500 });
  };
  asking.onEnded = (id) => {
    if (id === answerId) endMs = world.clock.nowMs;
  };
  world.run(patienceMs, () => endMs !== undefined);
  return (endMs ?? Number.POSITIVE_INFINITY) - startMs;
}

/** How long after now the next byte reaches `to`'s application over `kind`. */
export function nextByteMs(world: SimWorld, to: Side, kind: PathKind, patienceMs = 30_000): number {
  const startMs = world.clock.nowMs;
  let arrivedMs: number | undefined;
  world.peer(to).app.onData = (_id, _bytes, path) => {
    if (path === kind) arrivedMs ??= world.clock.nowMs;
  };
  world.run(patienceMs, () => arrivedMs !== undefined);
  return (arrivedMs ?? Number.POSITIVE_INFINITY) - startMs;
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
