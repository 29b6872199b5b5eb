/**
 * Waits until nothing of an earlier turn is under way any more: whoever is measured next must not share
 * the links with what somebody else has left in queues and buffers. Pure but for its looks and pauses.
 */

import { PLACES } from "../situations.ts";
import type { Stage } from "./stage.ts";

export const LOOK_EVERY_MS = 50;
/** Longer than any answer takes on its way: what waits for one would send within it. */
const STILL_MS = 300;
const LOOKS_ENOUGH = STILL_MS / LOOK_EVERY_MS;
/** As long as a transfer may take, and some more: a tail that is longer is no tail. */
export const CALM_LIMIT_MS = 25_000;

/**
 * Calm: for 300 ms every queue was empty and no link has delivered a packet.
 *
 * @returns why it gave up waiting; undefined: it is calm, or there are no links.
 */
export async function untilCalm(
  { links }: Pick<Stage, "links">,
  pause: (ms: number) => Promise<void>,
): Promise<string | undefined> {
  if (links === undefined) return undefined;
  const look = async (): Promise<{ packets: number; queuedBytes: number }> => {
    const counted = await Promise.all(PLACES.map((place) => links.counters(place)));
    const ways = counted.flatMap(({ up, down }) => [up, down]);
    return {
      packets: ways.reduce((sum, { packets }) => sum + packets, 0),
      queuedBytes: ways.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
    };
  };
  let last = await look();
  let still = 0;
  for (let waitedMs = 0; waitedMs < CALM_LIMIT_MS; waitedMs += LOOK_EVERY_MS) {
    await pause(LOOK_EVERY_MS);
    const seen = await look();
    const isStill = seen.queuedBytes === 0 && seen.packets === last.packets;
    still = isStill ? still + 1 : 0;
    if (still === LOOKS_ENOUGH) return undefined;
    last = seen;
  }
  return `the links were still busy after ${CALM_LIMIT_MS / 1000} s`;
}
