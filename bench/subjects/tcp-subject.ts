/** The physical yardstick: one TCP stream of the kernel between two Node processes. */

import { release } from "node:os";
import type { OpenOptions, Transfer } from "../ends/asker.ts";
import type { FromTcpPage, ToTcpPage } from "../ends/tcp-page-end.ts";
import { Program } from "../stage/program.ts";
import type { CongestionControl, Stage } from "../stage/stage.ts";
import { NodeHome } from "./home-side.ts";
import type { Connection, Prepared, Subject } from "./subject.ts";

/** A call ends by its own limit; this one is for a program that hangs. */
const CALL_LIMIT_MS = 60_000;

export function tcpSubject(control: CongestionControl): Subject {
  const name = `TCP stream, ${control.toUpperCase()}`;
  return {
    id: `tcp-${control}`,
    name,
    isYardstick: true,
    ends: "Node to Node",
    versions: { kernel: release() },
    measuresJoin: true,
    unfit: (situation) => {
      if (situation.access === undefined) return "loopback's congestion control is the machine's";
      return situation.nat === "turn-only" ? "TCP does not pass the NATs" : undefined;
    },
    prepare: (stage) => PreparedTcp.prepare(stage, control),
  };
}

class PreparedTcp implements Prepared {
  readonly processes: Readonly<Record<string, readonly number[]>>;
  readonly #stage: Stage;
  readonly #control: CongestionControl;
  readonly #home: NodeHome;
  readonly #page: Program<ToTcpPage, FromTcpPage>;
  readonly #options: OpenOptions;
  #calls = 0;

  private constructor(stage: Stage, control: CongestionControl) {
    this.#stage = stage;
    this.#control = control;
    this.#home = new NodeHome(new Program(stage.seats.home, "home-end.ts"), "tcp");
    this.#page = new Program(stage.seats.page, "tcp-page-end.ts");
    this.#options = { server: "", key: "", iceServers: [], home: stage.seats.home.address };
    this.processes = { page: [this.#page.pid], extension: this.#home.pids };
  }

  static async prepare(stage: Stage, control: CongestionControl): Promise<PreparedTcp> {
    return new PreparedTcp(stage, control);
  }

  async open(): Promise<Connection> {
    const join = await this.#stage.withCongestionControl(this.#control, async () => {
      await this.#home.open(this.#options);
      return (await this.#call("open", this.#options)) as Record<string, number>;
    });
    return {
      join,
      roundTrips: async (...given) => (await this.#call("roundTrips", ...given)) as number[],
      busyRoundTrips: async (...given) =>
        (await this.#call("busyRoundTrips", ...given)) as number[],
      transfer: async (bytes, direction, limitMs) =>
        (await this.#call(direction === "down" ? "get" : "put", bytes, limitMs)) as Transfer,
      close: async () => {
        await this.#call("close");
        await this.#home.leave();
      },
    };
  }

  async close(): Promise<void> {
    await this.#home.end();
    await this.#page.close();
  }

  async #call(
    call: ToTcpPage["call"],
    ...given: readonly (number | OpenOptions)[]
  ): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    const answered = this.#page.hear((message) => {
      if (message.id !== id) return undefined;
      if (message.failed !== undefined) throw new Error(message.failed);
      return message;
    }, CALL_LIMIT_MS);
    this.#page.tell({ id, call, arguments: given });
    return (await answered).value;
  }
}
