/**
 * What is compared, as a port. A subject is prepared once for a stage (its programs start), and then
 * opened anew for each round, so that what it costs to connect is measured as often as the rest.
 */

import type { Transfer } from "../ends/asker.ts";
import type { SentCounters } from "../ends/resent-bytes.ts";
import type { Direction } from "../report/result-schema.ts";
import type { Situation } from "../situations.ts";
import type { BenchBrowser } from "../stage/browser.ts";
import type { Stage } from "../stage/stage.ts";

export interface Subject {
  readonly id: string;
  readonly name: string;
  /** Not ours: when it moves between two runs, the machine has moved. */
  readonly isYardstick: boolean;
  /** What runs at either end. */
  readonly ends: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Connecting goes through the situation's links, so its times mean something. */
  readonly measuresJoin: boolean;
  /** Why it cannot be played there; undefined: it can. */
  unfit(situation: Situation): string | undefined;
  prepare(stage: Stage, browser: BenchBrowser): Promise<Prepared>;
}

/** What carries a subject's bytes between its ends: what it meets at, and TURN if it may go through that. */
export function relayPids(
  { turnPids }: Pick<Stage, "turnPids">,
  server: number | undefined,
  mayUseTurn: boolean,
): { readonly relay?: readonly number[] } {
  const relay = [...(server === undefined ? [] : [server]), ...(mayUseTurn ? turnPids : [])];
  return relay.length === 0 ? {} : { relay };
}

export interface Prepared {
  /** Processes by what they are for: `page`, `extension`, `relay`. */
  readonly processes: Readonly<Record<string, readonly number[]>>;
  /** @throws {Error} saying why it could not connect. */
  open(): Promise<Connection>;
  close(): Promise<void>;
}

export interface Connection {
  readonly join: Readonly<Record<string, number>>;
  roundTrips(count: number, limitMs: number): Promise<readonly number[]>;
  busyRoundTrips(bytes: number, settleMs: number, limitMs: number): Promise<readonly number[]>;
  transfer(bytes: number, direction: Direction, limitMs: number): Promise<Transfer>;
  /** What the home has sent on it; undefined, or absent, of those that do not count. */
  sent?(): Promise<SentCounters | undefined>;
  close(): Promise<void>;
}
