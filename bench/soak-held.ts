/** Linked pairs that do nothing but keep their place while bench/soak.ts breaks the servers. */
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { RoomConnection, realClock } from "@beeline/paths";
import type { Presence, Role } from "@beeline/protocol";
import type { SoakServers } from "./soak-servers.ts";

const POLL_MS = 200;

export class HeldPairs {
  readonly #connections: RoomConnection[] = [];
  /** Those who are in a room and see the other side there. */
  readonly #linked = new Set<RoomConnection>();
  readonly figures = { leastAtOnce: Number.POSITIVE_INFINITY, reconnections: 0, ended: 0 };

  static async open(servers: SoakServers, pairs: number): Promise<HeldPairs> {
    const held = new HeldPairs();
    for (let i = 0; i < pairs; i++) {
      const { key, listed } = await servers.createInstance();
      await new Promise<string>((resolve) => {
        held.#join(servers.url, "extension", key, `installation ${i}`, resolve);
      });
      held.#join(servers.url, "client", await listed(), "", () => {});
    }
    await held.settled(60_000);
    held.figures.leastAtOnce = held.#linked.size;
    held.figures.reconnections = 0;
    return held;
  }

  /** Waits until everybody is linked, for at most `ms`. @returns how many are. */
  async settled(ms: number): Promise<number> {
    const endsAt = performance.now() + ms;
    while (this.#linked.size < this.#connections.length && performance.now() < endsAt) {
      await wait(POLL_MS);
    }
    return this.#linked.size;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #join(
    server: string,
    role: Role,
    key: string,
    installId: string,
    onRekey: (key: string) => void,
  ): void {
    const none = () => {};
    const changed = (isLinked: boolean) => {
      if (isLinked) this.#linked.add(connection);
      else this.#linked.delete(connection);
      this.figures.leastAtOnce = Math.min(this.figures.leastAtOnce, this.#linked.size);
    };
    const connection: RoomConnection = new RoomConnection(
      { server, role, key, name: "", capabilities: [], installId },
      realClock,
      {
        onJoined: () => void this.figures.reconnections++,
        onDown: () => changed(false),
        onPresence: ({ peers }: Presence) => changed(peers.some((peer) => peer.role !== role)),
        onEnd: () => {
          this.figures.ended++;
          changed(false);
        },
        onRekey,
        onSignal: none,
        onRelay: none,
        onDrain: none,
        onDialect: none,
      },
    );
    this.#connections.push(connection);
  }
}
