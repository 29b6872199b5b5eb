/**
 * What every stand-in for a backend shares: a server on loopback that notes what it was asked, may
 * want credentials, and can misbehave in the ways that HTTP allows.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
  /** The body as JSON; `{}` when it is none. */
  readonly body: Record<string, unknown>;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Bytes as they are, anything else as JSON; undefined: nothing. */
  readonly body?: unknown;
}

/** What to do instead of answering. */
export type Mischief =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Closes the connection without an answer. */
  | { readonly kind: "hang-up" };

export abstract class FakeHttp {
  readonly asked: Asked[] = [];
  /** `user:password`; undefined: open to all. */
  credentials: string | undefined;
  /** Taken in order by requests to a path that begins with the key. */
  readonly mischief = new Map<string, Mischief[]>();
  readonly #server: Server;

  protected constructor() {
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
  }

  get server(): Server {
    return this.#server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(port = 0): Promise<this> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Every connection breaks, as when the process is killed. */
  breakConnections(): void {
    this.#server.closeAllConnections();
  }

  /** The next requests to `path` go wrong. */
  misbehave(path: string, ...mischief: Mischief[]): void {
    this.mischief.set(path, [...(this.mischief.get(path) ?? []), ...mischief]);
  }

  requests(path: string): Asked[] {
    return this.asked.filter((asked) => asked.path === path);
  }

  /** Undefined: there is no such address. */
  protected abstract answer(asked: Asked): Promise<Reply | undefined> | Reply | undefined;

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const bytes = Buffer.concat(parts);
    const url = new URL(request.url ?? "/", "http://fake");
    const asked: Asked = {
      method: request.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      bytes,
      body: asJson(bytes),
    };
    this.asked.push(asked);
    const [path, list] = [...this.mischief].find(([key]) => asked.path.startsWith(key)) ?? [];
    const mischief = list?.shift();
    if (path !== undefined && list?.length === 0) this.mischief.delete(path);
    if (mischief?.kind === "hang-up") return void request.socket.destroy();
    const reply = mischief?.reply ?? this.#unauthorized(asked) ?? (await this.answer(asked));
    const {
      status = 200,
      headers = {},
      body,
    } = reply ?? {
      status: 404,
      body: { detail: "Not Found" },
    };
    const isBytes = Buffer.isBuffer(body);
    const type = isBytes ? "application/octet-stream" : "application/json";
    response.writeHead(status, { "content-type": type, ...headers });
    response.end(body === undefined ? undefined : isBytes ? body : JSON.stringify(body));
  }

  #unauthorized(asked: Asked): Reply | undefined {
    if (this.credentials === undefined) return undefined;
    const wanted = `Basic ${Buffer.from(this.credentials).toString("base64")}`;
    if (asked.headers.authorization === wanted) return undefined;
    return { status: 401, body: { detail: "Incorrect username or password" } };
  }
}

function asJson(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}
