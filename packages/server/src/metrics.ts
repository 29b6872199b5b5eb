/**
 * What an operator's Prometheus reads.
 *
 * Label values come from fixed sets (kinds, roles, codes, reasons), never from what a peer may write
 * freely: no names, no ids, no keys, and a bounded number of series. Each server has a registry of
 * its own, so several may run in one process.
 */

import type { PeerId, SessionReport } from "@beeline/protocol";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { RelayLimit } from "./relay-gate.ts";
import type { Parcel } from "./room-directory.ts";

/** Sampling below 10 ms would itself be load; a stall that matters to anybody is longer. */
const LOOP_SAMPLE_MS = 10;

export interface Totals {
  relayedBytes: number;
  relayedRecords: number;
  droppedRecords: number;
}

export interface Counts {
  readonly rooms: () => number;
  readonly peers: () => number;
}

export class Metrics {
  /** Cheap to count in the hot path; the registry reads them when it is asked. */
  readonly totals: Totals = { relayedBytes: 0, relayedRecords: 0, droppedRecords: 0 };
  readonly #registry = new Registry();
  /** By either peer's id, then by the other's. */
  readonly #pairs = new Map<PeerId, Map<PeerId, "relay" | "direct">>();
  readonly #joins: Counter<"kind" | "role" | "outcome">;
  readonly #attempts: Counter<"outcome" | "reason">;
  readonly #limited: Counter<"limit">;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: LOOP_SAMPLE_MS,
    });
    this.#joins = new Counter({
      name: "beeline_joins_total",
      help: "Joins by peer and outcome (joined, or the error's code)",
      labelNames: ["kind", "role", "outcome"],
      registers,
    });
    this.#attempts = new Counter({
      name: "beeline_direct_attempts_total",
      help: "Attempts to connect directly, as extensions report them",
      labelNames: ["outcome", "reason"],
      registers,
    });
    this.#limited = new Counter({
      name: "beeline_limited_total",
      help: "What was refused, slowed or dropped, by the limit it exceeded",
      labelNames: ["limit"],
      registers,
    });
    this.#total("beeline_relayed_bytes_total", "Bytes of relayed records", "relayedBytes");
    this.#total("beeline_relayed_records_total", "Relayed frames", "relayedRecords");
    this.#total("beeline_dropped_records_total", "Frames over a limit", "droppedRecords");
    const pairs = this.#pairs;
    new Gauge({
      name: "beeline_pairs",
      help: "Linked pairs by the path of their data, as extensions report it",
      labelNames: ["path"],
      registers,
      collect() {
        const counts = { relay: 0, direct: 0 };
        for (const others of pairs.values())
          for (const path of others.values()) counts[path] += 0.5;
        this.set({ path: "relay" }, counts.relay);
        this.set({ path: "direct" }, counts.direct);
      },
    });
  }

  /** Rooms and peers are read from where they are kept. */
  watch({ rooms, peers }: Counts): void {
    this.#gauge("beeline_rooms", "Open rooms with a peer on this process", rooms);
    this.#gauge("beeline_peers", "Peers in rooms on this process", peers);
  }

  joined(kind: string, role: string, outcome: string): void {
    this.#joins.inc({ kind, role, outcome });
  }

  relayed(bytes: number): void {
    this.totals.relayedBytes += bytes;
    this.totals.relayedRecords++;
  }

  dropped(limit: RelayLimit): void {
    this.totals.droppedRecords++;
    this.limited(`relay-${limit}`);
  }

  undelivered(kind: Parcel["kind"]): void {
    if (kind === "relay") this.dropped("receiver");
    // Of shipped-dialect messages the line counts each receiver.
    else if (kind === "signal") this.limited("signal-receiver");
  }

  limited(limit: string): void {
    this.#limited.inc({ limit });
  }

  reported(from: PeerId, { to, path, attempt }: SessionReport): void {
    if (attempt !== undefined) this.#attempts.inc(attempt);
    if (path === undefined) return;
    this.#othersOf(from).set(to, path);
    this.#othersOf(to).set(from, path);
  }

  /** Forgets what a peer reported, or what was reported about it: it is in the room no more. */
  left(id: PeerId): void {
    for (const other of this.#pairs.get(id)?.keys() ?? []) {
      const others = this.#pairs.get(other);
      others?.delete(id);
      if (others?.size === 0) this.#pairs.delete(other);
    }
    this.#pairs.delete(id);
  }

  #othersOf(id: PeerId): Map<PeerId, "relay" | "direct"> {
    const others = this.#pairs.get(id) ?? new Map();
    this.#pairs.set(id, others);
    return others;
  }

  async read(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  close(): void {
    this.#registry.clear();
  }

  #total(name: string, help: string, key: keyof Totals): void {
    const { totals } = this;
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(totals[key]);
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }
}
