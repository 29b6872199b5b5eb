/** Where the two ends of a subject meet, in a process of its own in the server's place. */

import type { FromServer, ServerArguments, ToServer } from "../ends/server-end.ts";
import { PAGE_ORIGIN } from "../stage/browser.ts";
import { Program } from "../stage/program.ts";
import type { Stage } from "../stage/stage.ts";

export type ServerKind = ServerArguments["kind"];

export class MeetingServer {
  readonly url: string;
  readonly #program: Program<ToServer, FromServer>;

  private constructor(program: Program<ToServer, FromServer>, url: string) {
    this.#program = program;
    this.url = url;
  }

  static async start(stage: Stage, kind: ServerKind): Promise<MeetingServer> {
    const { iceServers } = stage;
    const given: ServerArguments = { kind, pageOrigin: PAGE_ORIGIN, iceServers };
    const program = new Program<ToServer, FromServer>(stage.seats.server, "server-end.ts", [
      JSON.stringify(given),
    ]);
    const port = await program.hear((message) =>
      message.type === "listening" ? message.port : undefined,
    );
    return new MeetingServer(program, `http://${stage.seats.server.address}:${port}`);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Of a link: `new` makes one, `current` is the key it has since an extension has served it. */
  async key(which: ToServer): Promise<string> {
    const told = this.#program.hear((message) =>
      message.type === "key" ? message.key : undefined,
    );
    this.#program.tell(which);
    return await told;
  }

  async close(): Promise<void> {
    await this.#program.close();
  }
}
