/**
 * Where a situation is played: three places, each with an address and a way to start programs there.
 * `loopback-stage.ts` is this computer as it is, `lab-stage.ts` the network lab.
 */

import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { Link } from "../../test/netlab/link.ts";
import type { IceServerOptions } from "../ends/asker.ts";
import type { Place, Situation } from "../situations.ts";

export const CONGESTION_CONTROLS = ["bbr", "cubic"] as const;
export type CongestionControl = (typeof CONGESTION_CONTROLS)[number];

export interface Seat {
  /** By which the other places reach it. */
  readonly address: string;
  /** For files of what runs here; removed with the stage, however its programs ended. */
  readonly folder: string;
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** A program that starts `executable` here with the arguments it is given. */
  wrap(executable: string): Promise<string>;
}

export interface Stage {
  readonly situation: Situation;
  readonly seats: Readonly<Record<Place, Seat>>;
  /** For every subject that connects directly. */
  readonly iceServers: readonly IceServerOptions[];
  /** The TURN server's, where direct ways lead through it. */
  readonly turnPids: readonly number[];
  /** TCP connections made by `connect`, at either end, use this. @throws where that cannot be chosen. */
  withCongestionControl<T>(control: CongestionControl, connect: () => Promise<T>): Promise<T>;
  /** The links, where there are any. */
  readonly links?: {
    reshape(access: NonNullable<Situation["access"]>): Promise<void>;
    /** Towards the exchange (`up`) and from it, since the stage was opened. */
    counters(place: Place): ReturnType<Link["counters"]>;
    /** Datagrams that reached a place and found no room in the socket they were for, since it is there. */
    unread(place: Place): number;
  };
  close(): Promise<void>;
}
