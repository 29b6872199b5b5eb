/**
 * A load balancer as small as can be: every connection goes to the first of its servers that
 * accepts it. Peers keep one address while servers come and go.
 */
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export class Balancer {
  /** In order of preference; a test may reorder them. */
  readonly ports: number[];
  readonly #server: Server;
  #connections = 0;

  private constructor(server: Server, ports: readonly number[]) {
    this.#server = server;
    this.ports = [...ports];
  }

  static async open(...urls: readonly string[]): Promise<Balancer> {
    const server = createServer();
    const ports = urls.map((url) => Number(new URL(url).port));
    const balancer = new Balancer(server, ports);
    server.on("connection", (socket) => balancer.#forward(socket, 0));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return balancer;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the balancer is closed");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Forwarded so far: a peer that had to reconnect shows here. */
  get connections(): number {
    return this.#connections;
  }

  #forward(socket: Socket, at: number): void {
    const port = this.ports[at];
    if (port === undefined) {
      socket.destroy();
      return;
    }
    const upstream = dial(port, "127.0.0.1");
    const tryNext = () => this.#forward(socket, at + 1);
    upstream.once("error", tryNext);
    upstream.once("connect", () => {
      this.#connections++;
      upstream.off("error", tryNext);
      const end = () => {
        socket.destroy();
        upstream.destroy();
      };
      for (const half of [socket, upstream]) half.on("error", end).on("close", end);
      socket.pipe(upstream).pipe(socket);
    });
  }
}
