/** The port of every home: what answers a page, in Node, on the side that draws. */

import type { RtcSignal } from "@beeline/paths";
import type { OpenOptions } from "../asker.ts";
import type { SentCounters } from "../resent-bytes.ts";

export interface Home {
  /** Only of those that are signalled by the bench. */
  accept?(signal: RtcSignal): void;
  /** Of those that count what they send. */
  sent?(): SentCounters;
  close(): Promise<void>;
}

export interface HomeContext {
  readonly options: OpenOptions;
  onSignal(signal: RtcSignal): void;
}

/** @returns once it can be asked (or signalled). */
export type OpenHome = (context: HomeContext) => Promise<Home>;
