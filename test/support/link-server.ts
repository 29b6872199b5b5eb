/**
 * A real link server on a free port, and peers that talk to it, for tests.
 *
 * A {@link Peer} writes down everything it hears; `next` waits for something to be heard, in order
 * per event, so no test sleeps. Everything is closed when the test that opened it ends.
 */
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CreatedInstance,
  type JoinAck,
  PEER_SOCKET_PATH,
  type Presence,
  REST_PATH,
  ROOM_VERSION,
  type Role,
  SHIPPED_SOCKET_PATH,
} from "@beeline/protocol";
import { createLinkServer, type LinkServer, type LinkServerOptions } from "@beeline/server";
import pino from "pino";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { onTestFinished } from "vitest";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface TestServer {
  readonly server: LinkServer;
  readonly url: string;
  readonly port: number;
  readonly stunPort: number | undefined;
  readonly dataDir: string;
  /** Every line that the server logged, at the finest level. */
  readonly logged: string[];
  /** The browser that creates instances here; clients that are given this server are in it. */
  readonly browser: { cookie: string | undefined };
  /** An instance and the cookie of the user who owns it. */
  createInstance(): Promise<{ id: number; key: string; cookie: string }>;
  /** An instance of somebody with an account, and the token that says so, for clients without a browser. */
  createAccountInstance(): Promise<{ id: number; key: string; token: string }>;
}

/** Every test server knows the accounts of this site. */
const SITE = {
  issuer: "https://site.example",
  audience: "beeline",
  secret: "what the site and the test's server share",
};

export async function startLinkServer(
  options: Partial<LinkServerOptions> = {},
): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "beeline-server-")));
  const logged: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void logged.push(line) });
  const server = createLinkServer({ dataDir, port: 0, logger, tokens: SITE, ...options });
  onTestFinished(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const { url, port, stunPort } = await server.listen();
  const browser: TestServer["browser"] = { cookie: undefined };
  const createInstance = async () => {
    const headers = browser.cookie === undefined ? {} : { cookie: browser.cookie };
    const answer = await ask(url, "POST", REST_PATH, { body: {}, headers });
    const { id, key } = answer.body as CreatedInstance;
    const cookie = cookieOf(answer);
    browser.cookie = cookie;
    return { id, key, cookie };
  };
  const createAccountInstance = async () => {
    const token = tokenOf("ann");
    const headers = { authorization: `Bearer ${token}` };
    const { body } = await ask(url, "POST", REST_PATH, { body: {}, headers });
    const { id, key } = body as CreatedInstance;
    return { id, key, token };
  };
  const address = { server, url, port, stunPort, dataDir, logged, browser };
  return { ...address, createInstance, createAccountInstance };
}

/** A JWT of the site for one of its users. */
function tokenOf(user: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: SITE.issuer, aud: SITE.audience, sub: user, exp: END_OF_TIME_S };
  const signed = `${part({ alg: "HS256" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SITE.secret).update(signed).digest("base64url")}`;
}

/** The year 2286. */
const END_OF_TIME_S = 9_999_999_999;

/** The cookie that an answer sets, as the browser would send it back. */
export function cookieOf(answer: Answer): string {
  const [cookie = ""] = [answer.headers["set-cookie"]].flat();
  return cookie.split(";")[0] ?? "";
}

/** One HTTP request, with any header, `Host` and `Origin` included. */
export function ask(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = deferred<Answer>();
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const request = httpRequest(new URL(path, url), { method, headers: { ...json, ...headers } });
  request.on("error", reject);
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const isJson = response.headers["content-type"]?.startsWith("application/json");
      const { statusCode: status = 0, headers } = response;
      resolve({ status, headers, body: isJson ? JSON.parse(text) : text });
    });
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

/** A socket and everything it heard, `connect` and `disconnect` included. */
export class Peer {
  readonly socket: Socket;
  readonly heard: Array<readonly [event: string, ...values: unknown[]]> = [];
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(url: string, path: string, options: Partial<ManagerOptions & SocketOptions> = {}) {
    this.socket = io(url, {
      path,
      forceNew: true,
      reconnection: false,
      transports: ["websocket"],
      ...options,
    });
    onTestFinished(() => void this.socket.disconnect());
    for (const event of ["connect", "disconnect", "connect_error"]) {
      this.socket.on(event, (...values: unknown[]) => this.#hear(event, values));
    }
    this.socket.onAny((event: string, ...values: unknown[]) => this.#hear(event, values));
  }

  /** The next `event` that was not taken yet, now or when it comes. */
  async next(event: string): Promise<readonly unknown[]> {
    for (;;) {
      const all = this.heard.filter(([name]) => name === event);
      const taken = this.#taken.get(event) ?? 0;
      const found = all[taken];
      if (found !== undefined) {
        this.#taken.set(event, taken + 1);
        return found.slice(1);
      }
      const { promise, resolve } = deferred<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  /** Takes `event` until one satisfies `matches`. */
  async nextWhere(event: string, matches: (value: never) => boolean): Promise<unknown> {
    for (;;) {
      const [value] = await this.next(event);
      if (matches(value as never)) return value;
    }
  }

  /** Emits an event whose answer is heard as `ack`. */
  say(event: string, ...values: unknown[]): void {
    this.socket.emit(event, ...values, (answer: unknown) => this.#hear("ack", [answer]));
  }

  /** The names of what was heard, in order. */
  get story(): string[] {
    return this.heard.map(([event]) => event).filter((event) => event !== "connect");
  }

  count(event: string): number {
    return this.heard.filter(([name]) => name === event).length;
  }

  #hear(event: string, values: readonly unknown[]): void {
    this.heard.push([event, ...values]);
    for (const wake of this.#waiting) wake();
  }
}

/** A shipped site (`client`) or extension (`sd`). */
export class ShippedPeer extends Peer {
  constructor(
    { url }: Pick<TestServer, "url">,
    type: "client" | "sd",
    options: Partial<ManagerOptions & SocketOptions> = {},
  ) {
    super(url, SHIPPED_SOCKET_PATH, options);
    // As the website does: once into the buffer, and once more after every connect.
    this.socket.emit("iam", { type });
    this.socket.on("connect", () => void this.socket.emit("iam", { type }));
  }

  async join(key: string): Promise<{ success: boolean; msg?: string }> {
    this.say("join", key);
    return (await this.next("ack"))[0] as { success: boolean; msg?: string };
  }
}

/** One of our own peers; a client is a page in the server's `browser`, if it has one. */
export class BeelinePeer extends Peer {
  readonly role: Role;

  constructor(
    { url, browser }: Pick<TestServer, "url"> & Partial<Pick<TestServer, "browser">>,
    role: Role,
    options: Partial<ManagerOptions & SocketOptions> = {},
  ) {
    const cookie = role === "client" ? browser?.cookie : undefined;
    super(url, PEER_SOCKET_PATH, {
      ...options,
      extraHeaders: { ...(cookie === undefined ? {} : { cookie }), ...options.extraHeaders },
    });
    this.role = role;
  }

  async join(key: string, more: Record<string, unknown> = {}): Promise<JoinAck> {
    const request = { version: ROOM_VERSION, role: this.role, key, ...more };
    this.say("join", request);
    return (await this.next("ack"))[0] as JoinAck;
  }

  /** Joins and expects to get in. */
  async enter(key: string, more: Record<string, unknown> = {}): Promise<JoinAck & { ok: true }> {
    const ack = await this.join(key, more);
    if (!ack.ok) throw new Error(`not let in: ${ack.error.code}`);
    return ack;
  }
}

/** A client and an extension of ours that have paired. @param more of the extension's join. */
export async function pairPeers(server: TestServer, more: Record<string, unknown> = {}) {
  const instance = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  const extension = new BeelinePeer(server, "extension");
  const { peerId: clientId } = await client.enter(instance.key);
  const { peerId: extensionId } = await extension.enter(instance.key, more);
  const [{ key }] = (await client.next("rekey")) as [{ key: string }];
  await client.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  return { ...instance, shortKey: instance.key, key, client, clientId, extension, extensionId };
}

/** Node 20 has no `Promise.withResolvers`. */
export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
