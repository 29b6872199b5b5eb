/** What every store promises. A new store is one more line at the end. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import pg from "pg";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findService } from "../../../scripts/services.mjs";
import { type Service, startPostgres } from "../../../test/support/services.ts";
import { TcpProxy } from "../../../test/support/tcp-proxy.ts";
import { createKeyring, drawLastingKey, drawShortKey, type Keyring } from "./keyring.ts";
import { PostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Instance, NewInstance, Pairing, Store } from "./store.ts";

const KEYRING = createKeyring(Buffer.alloc(32, 7));
const NOW_MS = 1_000_000;
const NOBODY: Pairing = { atMs: NOW_MS, peers: [] };

function draft(userId: string, more: Partial<NewInstance> = {}): NewInstance {
  const key = drawShortKey();
  return { userId, key, keyExpiresAtMs: NOW_MS + 1, origin: null, createdAtMs: NOW_MS, ...more };
}

async function created(store: Store, instance: NewInstance): Promise<Instance> {
  const result = await store.create(instance, 10);
  if (result === "key-taken" || result.outcome !== "created") throw new Error("not created");
  return result.instance;
}

type Open = (keyring?: Keyring) => Promise<Store>;

/** @param prepare gives what opens the same, at first empty, storage each time. */
function storeContract(name: string, prepare: () => Promise<Open>): void {
  const openOnce = async () => {
    const store = await (await prepare())();
    onTestFinished(() => store.close());
    return store;
  };

  describe(`${name} store`, () => {
    test("gives back what was put in, and finds it by its key", async () => {
      const store = await openOnce();
      const instance = draft("ann", { origin: "https://site.example" });
      const expected = { ...instance, id: expect.any(Number), name: null, activated: false };
      expect(await created(store, instance)).toEqual(expected);
      expect(await store.find(instance.key, NOW_MS)).toEqual(expected);
      expect(await store.list("ann")).toEqual([expected]);
      expect(await store.find(drawShortKey(), NOW_MS)).toBeUndefined();
    });

    test("survives being closed and opened again", async () => {
      const open = await prepare();
      const first = await open();
      const { id, key } = await created(first, draft("ann"));
      await first.close();
      const second = await open();
      expect(await second.find(key, NOW_MS)).toMatchObject({ id });
      await second.close();
    });

    test("holds each user to the limit, and counts nobody else's", async () => {
      const store = await openOnce();
      await created(store, draft("bob"));
      expect(await store.create(draft("ann"), 2)).toMatchObject({ outcome: "created", count: 1 });
      expect(await store.create(draft("ann"), 2)).toMatchObject({ outcome: "created", count: 2 });
      expect(await store.create(draft("ann"), 2)).toEqual({ outcome: "limit-reached" });
      expect(await store.list("ann")).toHaveLength(2);
    });

    test("lets two instances never have one key", async () => {
      const store = await openOnce();
      const { key, id } = await created(store, draft("ann"));
      expect(await store.create(draft("bob", { key }), 10)).toBe("key-taken");
      const other = await created(store, draft("bob"));
      expect(await store.rekey("bob", other.id, key, NOW_MS + 1)).toBe("key-taken");
      expect(await store.find(key, NOW_MS)).toMatchObject({ id });
      expect(await store.find(other.key, NOW_MS)).toMatchObject({ id: other.id });
    });

    test("finds a short key until it expires, and no longer", async () => {
      const store = await openOnce();
      const { key } = await created(store, draft("ann"));
      expect(await store.find(key, NOW_MS)).toBeDefined();
      expect(await store.find(key, NOW_MS + 1)).toBeUndefined();
      expect(await store.activate(key, drawLastingKey(), NOW_MS + 1, [], NOBODY)).toBeUndefined();
    });

    test("replaces a short key once, for good", async () => {
      const store = await openOnce();
      const { key: short, id } = await created(store, draft("ann"));
      const drawn = [drawLastingKey(), drawLastingKey()];
      const results = await Promise.all(
        drawn.map((lasting) => store.activate(short, lasting, NOW_MS, [], NOBODY)),
      );
      // Over two connections either may be first.
      const winners = results.filter((activated) => activated !== undefined);
      expect(winners).toEqual([
        expect.objectContaining({ id, activated: true, keyExpiresAtMs: undefined }),
      ]);
      const index = results.findIndex((activated) => activated !== undefined);
      const key = drawn[index] as (typeof drawn)[number];
      expect(winners[0]?.key).toBe(key);
      expect(await store.find(short, NOW_MS)).toBeUndefined();
      expect(await store.find(key, Number.MAX_SAFE_INTEGER)).toMatchObject({ id });
    });

    test("lets heirs find the instance by the replaced key, until it is settled or would have expired", async () => {
      const store = await openOnce();
      const { key: short, id } = await created(store, draft("ann", { keyExpiresAtMs: NOW_MS + 5 }));
      const lasting = drawLastingKey();
      expect(await store.inherit(short, ["heir"], NOW_MS)).toBeUndefined();
      const heirs = ["heir", 'another, {with} "signs"'];
      const activated = await store.activate(short, lasting, NOW_MS, heirs, NOBODY);
      expect(activated?.heirsUntilMs).toBe(NOW_MS + 5);
      for (const mark of heirs) {
        expect(await store.inherit(short, ["x", mark], NOW_MS)).toMatchObject({ id, key: lasting });
      }
      expect(await store.inherit(short, ["somebody"], NOW_MS)).toBeUndefined();
      expect(await store.inherit(short, [], NOW_MS)).toBeUndefined();
      expect(await store.inherit(lasting, ["heir"], NOW_MS)).toBeUndefined();
      expect(await store.inherit(short, ["heir"], NOW_MS + 5)).toBeUndefined();
      await store.settle(id + 1);
      expect(await store.inherit(short, ["heir"], NOW_MS)).toBeDefined();
      await store.settle(id);
      expect(await store.inherit(short, ["heir"], NOW_MS)).toBeUndefined();
      expect((await store.find(lasting, NOW_MS))?.heirsUntilMs).toBeUndefined();
    });

    test("tells two instances apart that were paired by one short key", async () => {
      const store = await openOnce();
      const first = await created(store, draft("ann"));
      await store.activate(first.key, drawLastingKey(), NOW_MS, ["one"], NOBODY);
      const second = await created(store, draft("bob", { key: first.key }));
      await store.activate(second.key, drawLastingKey(), NOW_MS, ["two"], NOBODY);
      expect(await store.inherit(first.key, ["one"], NOW_MS)).toMatchObject({ id: first.id });
      expect(await store.inherit(first.key, ["two"], NOW_MS)).toMatchObject({ id: second.id });
      await store.rekey("bob", second.id, drawShortKey(), NOW_MS + 1);
      expect(await store.inherit(first.key, ["two"], NOW_MS)).toBeUndefined();
    });

    test("re-keys: the old key opens nothing and the instance waits again", async () => {
      const store = await openOnce();
      const { key: old, id } = await created(store, draft("ann"));
      await store.activate(old, drawLastingKey(), NOW_MS, [], NOBODY);
      const key = drawShortKey();
      expect(await store.rekey("ann", id, key, NOW_MS + 5)).toMatchObject({
        outcome: "rekeyed",
        count: 1,
        instance: { id, key, activated: false, keyExpiresAtMs: NOW_MS + 5 },
      });
      expect(await store.find(old, NOW_MS)).toBeUndefined();
    });

    test("changes nothing for somebody who is not the owner", async () => {
      const store = await openOnce();
      const { id, key } = await created(store, draft("ann"));
      expect(await store.rename("bob", id, "mine")).toBeUndefined();
      expect(await store.rekey("bob", id, drawShortKey(), NOW_MS)).toEqual({
        outcome: "not-found",
      });
      expect(await store.remove("bob", id)).toBe(false);
      expect(await store.find(key, NOW_MS)).toMatchObject({ userId: "ann", name: null });
    });

    test("renames and removes, and never gives an id to another instance", async () => {
      const store = await openOnce();
      const { id, key } = await created(store, draft("ann"));
      expect(await store.rename("ann", id, "Desktop")).toMatchObject({ id, name: "Desktop" });
      expect(await store.remove("ann", id)).toBe(true);
      expect(await store.remove("ann", id)).toBe(false);
      expect(await store.find(key, NOW_MS)).toBeUndefined();
      expect((await created(store, draft("ann"))).id).toBeGreaterThan(id);
    });

    test("holds a user to the limit although many requests come at once", async () => {
      const store = await openOnce();
      const requests = Array.from({ length: 12 }, () => store.create(draft("ann"), 5));
      const outcomes = (await Promise.all(requests)).map((result) =>
        result === "key-taken" ? result : result.outcome,
      );
      expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(5);
      expect(outcomes.filter((outcome) => outcome === "limit-reached")).toHaveLength(7);
    });

    test("remembers who paired, in the same step, until the instance is re-keyed", async () => {
      const store = await openOnce();
      const { id, key } = await created(store, draft("ann"));
      const peer = { role: "client", kind: "shipped", name: "", isOwner: false } as const;
      const witness = { ...peer, address: "192.0.2.1", sinceMs: NOW_MS };
      const pairing: Pairing = { atMs: NOW_MS, peers: [witness] };
      await store.recordPairing(id, pairing);
      expect((await store.list("ann"))[0]?.pairing).toBeUndefined();
      expect(await store.activate(key, drawLastingKey(), NOW_MS, [], pairing)).toMatchObject({
        pairing,
      });
      expect((await store.list("ann"))[0]?.pairing).toEqual(pairing);
      const corrected = { atMs: NOW_MS, peers: [witness, witness] };
      await store.recordPairing(id, corrected);
      expect((await store.list("ann"))[0]?.pairing).toEqual(corrected);
      await store.rekey("ann", id, drawShortKey(), NOW_MS);
      expect((await store.list("ann"))[0]?.pairing).toBeUndefined();
    });

    test("refuses a database of another secret at the start", async () => {
      const open = await prepare();
      await (await open()).close();
      await expect(open(createKeyring(Buffer.alloc(32, 8)))).rejects.toThrow("server-secret");
    });

    test("starts side by side with another one, and both find what either keeps", async () => {
      const open = await prepare();
      const [one, two] = await Promise.all([open(), open()]);
      const { key, id } = await created(one, draft("ann"));
      await one.ping();
      expect(await two.find(key, NOW_MS)).toMatchObject({ id });
      await Promise.all([one.close(), two.close()]);
    });
  });
}

async function emptyDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "beeline-store-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

storeContract("sqlite", async () => {
  const dir = await emptyDir();
  return async (keyring = KEYRING) => openSqliteStore(dir, keyring);
});

/** The first start of a database on a busy machine. */
const DATABASE_START_MS = 60_000;

/** `npm test` gets PostgreSQL or says what to type; with CI set, its absence is a failure. */
const HAS_POSTGRES = process.env.CI !== undefined || findService("postgres") !== undefined;

describe.skipIf(!HAS_POSTGRES)("with a real server,", () => {
  let server: Service;
  let databases = 0;
  beforeAll(async () => {
    server = await startPostgres();
  }, DATABASE_START_MS);
  afterAll(() => server?.stop());

  async function sql(url: string, text: string): Promise<{ [column: string]: unknown }[]> {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  }

  async function emptyDatabase(): Promise<string> {
    const name = `contract_${++databases}`;
    await sql(server.url, `CREATE DATABASE ${name}`);
    return server.url.replace(/[^/]*$/, name);
  }

  const openPostgres = async (url: string, keyring = KEYRING) => {
    const store = new PostgresStore(url, keyring, pino({ level: "silent" }));
    await store.start().catch(async (error) => {
      await store.close();
      throw error;
    });
    return store;
  };

  storeContract("postgres", async () => {
    const url = await emptyDatabase();
    return (keyring) => openPostgres(url, keyring);
  });

  test("the postgres tables hold no key, and a newer schema is refused", async () => {
    const url = await emptyDatabase();
    const store = await openPostgres(url);
    const { key } = await created(store, draft("ann"));
    await store.close();
    const dump = JSON.stringify(await sql(url, "SELECT *, key_sealed::text FROM instances"));
    expect(dump).toContain("ann");
    expect(dump).not.toContain(key);
    await sql(url, "INSERT INTO migrations VALUES (99)");
    await expect(openPostgres(url)).rejects.toThrow("schema 99");
  });

  test("a connection that breaks in the middle of a transaction costs that call only", async () => {
    const uncaught: unknown[] = [];
    const catchIt = (thrown: unknown) => void uncaught.push(thrown);
    process.on("uncaughtException", catchIt);
    onTestFinished(() => void process.off("uncaughtException", catchIt));
    const url = await emptyDatabase();
    const proxy = await TcpProxy.open(server.port);
    onTestFinished(() => proxy.close());
    const store = await openPostgres(url.replace(String(server.port), new URL(proxy.url).port));
    onTestFinished(() => store.close());
    const other = new pg.Client(url);
    await other.connect();
    onTestFinished(() => other.end());

    // Whoever holds the table keeps the insert waiting.
    await other.query("BEGIN; LOCK TABLE instances IN ACCESS EXCLUSIVE MODE");
    const attempt = store.create(draft("ann"), 10).catch((thrown: unknown) => thrown);
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    await expect.poll(async () => (await other.query(waiting)).rowCount).toBe(1);
    proxy.cut();
    expect(await attempt).toBeInstanceOf(Error);
    expect(uncaught).toEqual([]);
    proxy.mend();
    await other.query("ROLLBACK");
    await created(store, draft("bob"));
    expect(await store.list("bob")).toHaveLength(1);
  });

  test(
    "a database that went away and came back is used again, and nothing was lost",
    async () => {
      const store = await openPostgres(await emptyDatabase());
      const { key, id } = await created(store, draft("ann"));
      await server.kill();
      await expect(store.find(key, NOW_MS)).rejects.toThrow();
      await server.start();
      expect(await store.find(key, NOW_MS)).toMatchObject({ id });
      await store.close();
    },
    DATABASE_START_MS,
  );
});

test("the files of the sqlite store hold no key", async () => {
  const dir = await emptyDir();
  const store = openSqliteStore(dir, KEYRING);
  const { key: short } = await created(store, draft("ann"));
  const lasting = drawLastingKey();
  await store.activate(short, lasting, NOW_MS, [], NOBODY);
  const files = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name))));
  await store.close();

  const bytes = Buffer.concat(files);
  expect(bytes.includes("ann")).toBe(true);
  expect(bytes.includes(lasting)).toBe(false);
  expect(bytes.includes(Buffer.from(lasting, "hex"))).toBe(false);
});

test("a file of a newer program is refused at the start", async () => {
  const dir = await emptyDir();
  await openSqliteStore(dir, KEYRING).close();
  const db = new Database(join(dir, "beeline.db"));
  db.prepare("INSERT INTO migrations (version) VALUES (?)").run(99);
  db.close();
  expect(() => openSqliteStore(dir, KEYRING)).toThrow("schema 99");
});
