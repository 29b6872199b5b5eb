/**
 * Which TURN address comes first in an attempt. werift uses only the first one, and when that is over
 * UDP where UDP is blocked, it finds out too late: its own fallback to TCP comes after it has given up
 * on all other pairs. So each attempt that found no way leaves the next one another first address.
 *
 * Pure; which servers there are is not decided here.
 */

import type { Attempt, IceServer } from "@beeline/protocol";

/** @returns the same addresses, one to an entry, with another TURN address first for each fruitless attempt. */
export function inTurn(servers: readonly IceServer[], attempts: readonly Attempt[]): IceServer[] {
  const single = servers.flatMap((server) =>
    [server.urls].flat().map((urls): IceServer => ({ ...server, urls })),
  );
  const turn = single.filter(isTurn);
  const others = single.filter((server) => !isTurn(server));
  const first = turn.length === 0 ? 0 : fruitlessInARow(attempts) % turn.length;
  return [...others, ...turn.slice(first), ...turn.slice(0, first)];
}

function isTurn({ urls }: IceServer): boolean {
  return [urls].flat().some((url) => /^turns?:/i.test(url));
}

/** Of those that have ended, how many of the last found no way. */
function fruitlessInARow(attempts: readonly Attempt[]): number {
  const ended = attempts.filter(({ outcome }) => outcome !== "connecting");
  const lastFruitful = ended.findLastIndex(({ phases }) => phases.connected !== undefined);
  return ended.length - 1 - lastFruitful;
}
