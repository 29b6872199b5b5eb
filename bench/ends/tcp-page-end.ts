/** A program: the page's half of the TCP yardstick, in Node, because no page can open a bare TCP stream. */

import { type OpenOptions, payload } from "./asker.ts";
import { Asking } from "./asking.ts";
import { dialTcp } from "./home/tcp.ts";
import { WireAsker } from "./wire.ts";

/** A method of {@link Asking} and what to call it with; `open` dials. */
export interface ToTcpPage {
  readonly id: number;
  readonly call: "open" | "roundTrips" | "busyRoundTrips" | "get" | "put" | "close";
  readonly arguments: readonly (number | OpenOptions)[];
}

export interface FromTcpPage {
  readonly id: number;
  readonly value?: unknown;
  readonly failed?: string;
}

// Ready before anybody asks.
payload();

const asking = new Asking();

async function dial(options: OpenOptions): Promise<WireAsker> {
  const startedAtMs = performance.now();
  return await WireAsker.open(await dialTcp(options.home), startedAtMs);
}

async function answer({ call, arguments: given }: ToTcpPage): Promise<unknown> {
  if (call === "open") return await asking.open(dial(given[0] as OpenOptions));
  const [a = 0, b = 0, c = 0] = given as readonly number[];
  if (call === "busyRoundTrips") return await asking.busyRoundTrips(a, b, c);
  if (call === "close") return await asking.close();
  return await asking[call](a, b);
}

process.on("message", (message: ToTcpPage) => {
  const tell = (reply: Omit<FromTcpPage, "id">): void => {
    process.send?.({ id: message.id, ...reply });
  };
  answer(message).then(
    (value) => tell({ value }),
    (error: unknown) => tell({ failed: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
