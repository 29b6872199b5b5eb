/** A data channel between two Node processes: one is asked, the other asks. */

import type { OpenOptions, Transfer } from "../ends/asker.ts";
import type { HomeKind } from "../ends/home-end.ts";
import type { FromNodePage, NodePageKind, ToNodePage } from "../ends/node-page-end.ts";
import type { ToTcpPage } from "../ends/tcp-page-end.ts";
import { Program } from "../stage/program.ts";
import type { Stage } from "../stage/stage.ts";
import { NodeHome } from "./home-side.ts";
import { type Connection, type Prepared, relayPids, type Subject } from "./subject.ts";

/** A call ends by its own limit; this one is for a program that hangs. */
const CALL_LIMIT_MS = 60_000;
const OPEN_LIMIT_MS = 25_000;

export function nodeSubject(
  entry: Omit<Subject, "prepare" | "measuresJoin">,
  parts: { readonly page: NodePageKind; readonly home: HomeKind },
): Subject {
  return {
    ...entry,
    measuresJoin: false,
    prepare: async (stage) => new PreparedNodes(stage, parts.page, parts.home),
  };
}

class PreparedNodes implements Prepared {
  readonly processes: Readonly<Record<string, readonly number[]>>;
  readonly #home: NodeHome;
  readonly #page: Program<ToNodePage, FromNodePage>;
  readonly #options: OpenOptions;
  #calls = 0;

  constructor(stage: Stage, page: NodePageKind, home: HomeKind) {
    const { seats, iceServers } = stage;
    this.#home = new NodeHome(new Program(seats.home, "home-end.ts"), home);
    this.#page = new Program(seats.page, "node-page-end.ts", [page]);
    this.#options = { server: "", key: "", iceServers, home: seats.home.address };
    this.processes = {
      page: [this.#page.pid],
      extension: this.#home.pids,
      ...relayPids(stage, undefined, true),
    };
    this.#page.listen((message) => {
      if ("signal" in message) this.#home.accept(message.signal);
    });
  }

  async open(): Promise<Connection> {
    // The page listens before the home offers.
    const opened = this.#call(OPEN_LIMIT_MS, "open", this.#options);
    opened.catch(() => {});
    try {
      await this.#home.open(this.#options, (signal) => this.#page.tell({ signal }));
      return this.#connection((await opened) as Record<string, number>);
    } catch (error) {
      await this.#home.leave();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#home.end();
    await this.#page.close();
  }

  #connection(join: Readonly<Record<string, number>>): Connection {
    const ask = async (call: ToTcpPage["call"], ...given: readonly number[]): Promise<unknown> =>
      await this.#call(CALL_LIMIT_MS, call, ...given);
    return {
      join,
      roundTrips: async (...given) => (await ask("roundTrips", ...given)) as number[],
      busyRoundTrips: async (...given) => (await ask("busyRoundTrips", ...given)) as number[],
      transfer: async (bytes, direction, limitMs) =>
        (await ask(direction === "down" ? "get" : "put", bytes, limitMs)) as Transfer,
      sent: () => this.#home.sent(),
      close: async () => {
        await ask("close");
        await this.#home.leave();
      },
    };
  }

  async #call(
    limitMs: number,
    call: ToTcpPage["call"],
    ...given: readonly (number | OpenOptions)[]
  ): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    const answered = this.#page.hear((message) => {
      if ("signal" in message || message.id !== id) return undefined;
      if (message.failed !== undefined) throw new Error(message.failed);
      return message;
    }, limitMs);
    this.#page.tell({ id, call, arguments: given });
    return (await answered).value;
  }
}
