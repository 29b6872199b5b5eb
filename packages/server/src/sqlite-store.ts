/**
 * The store as one SQL file in the data folder, through libsql.
 *
 * The file holds digests and sealed keys, never a key. Each schema change is one entry at the end of
 * MIGRATIONS, applied once and recorded. A database that belongs to another secret, or to a newer
 * program, is refused at the start: answering "no such key" from it would make peers forget theirs.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LinkKey } from "@beeline/protocol";
import Database from "libsql";
import { z } from "zod";
import type { Keyring } from "./keyring.ts";
import type {
  CreateResult,
  Instance,
  KeyTaken,
  NewInstance,
  Pairing,
  RekeyResult,
  Store,
} from "./store.ts";

/** AUTOINCREMENT, because plain SQLite hands the highest id out again after a deletion. */
const MIGRATIONS = [
  `CREATE TABLE instances (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     user_id TEXT NOT NULL,
     key_digest BLOB NOT NULL UNIQUE,
     key_sealed BLOB NOT NULL,
     key_expires_at INTEGER,
     name TEXT,
     activated INTEGER NOT NULL DEFAULT 0,
     origin TEXT,
     created_at INTEGER NOT NULL
   );
   CREATE INDEX instances_by_user ON instances (user_id);
   CREATE TABLE secret (fingerprint TEXT NOT NULL);`,
  "ALTER TABLE instances ADD COLUMN pairing TEXT;",
  `ALTER TABLE instances ADD COLUMN former_digest BLOB;
   ALTER TABLE instances ADD COLUMN heirs TEXT;
   ALTER TABLE instances ADD COLUMN heirs_until INTEGER;
   CREATE INDEX instances_by_former_key ON instances (former_digest);`,
];

/** Another process on the same file holds the lock for one small write at a time. */
const BUSY_TIMEOUT_MS = 5_000;

/** libsql gives one row's blob as a Buffer, and those of many rows as ArrayBuffers. */
const Blob = z
  .union([z.instanceof(Uint8Array), z.instanceof(ArrayBuffer)])
  .transform((bytes) => new Uint8Array(bytes));

const Row = z.object({
  id: z.number(),
  user_id: z.string(),
  key_sealed: Blob,
  key_expires_at: z.number().nullable(),
  name: z.string().nullable(),
  activated: z.number(),
  origin: z.string().nullable(),
  created_at: z.number(),
  pairing: z.string().nullable(),
  heirs: z.string().nullable(),
  heirs_until: z.number().nullable(),
});

const Fingerprint = z.object({ fingerprint: z.string() }).optional();
const Count = z.object({ count: z.number() });
const Version = z.object({ version: z.number().nullable() });

/** @throws if the file cannot be opened, is newer than this program or belongs to another secret. */
export function openSqliteStore(dataDir: string, keyring: Keyring): Store {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const db = new Database(join(dataDir, "beeline.db"));
  try {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.pragma("journal_mode = WAL");
    // FULL: an extension may hold the new key already when the power fails; the file must too.
    db.pragma("synchronous = FULL");
    migrate(db);
    claim(db, keyring.fingerprint);
  } catch (thrown) {
    db.close();
    throw thrown;
  }
  return new SqliteStore(db, keyring);
}

function migrate(db: Database.Database): void {
  db.exec("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)");
  const apply = db.transaction(() => {
    const row = db.prepare("SELECT max(version) AS version FROM migrations").get();
    const applied = Version.parse(row).version ?? 0;
    if (applied > MIGRATIONS.length) {
      throw new Error(
        `the database has schema ${applied}; this program knows ${MIGRATIONS.length}`,
      );
    }
    for (let version = applied + 1; version <= MIGRATIONS.length; version++) {
      db.exec(MIGRATIONS[version - 1] ?? "");
      db.prepare("INSERT INTO migrations (version) VALUES (?)").run(version);
    }
  });
  apply.immediate();
}

function claim(db: Database.Database, fingerprint: string): void {
  const row = Fingerprint.parse(db.prepare("SELECT fingerprint FROM secret").get());
  if (row === undefined) {
    db.prepare("INSERT INTO secret (fingerprint) VALUES (?)").run(fingerprint);
  } else if (row.fingerprint !== fingerprint) {
    throw new Error(
      "the database belongs to another server-secret; restore the one it was made with",
    );
  }
}

class SqliteStore implements Store {
  readonly #db: Database.Database;
  readonly #keyring: Keyring;

  constructor(db: Database.Database, keyring: Keyring) {
    this.#db = db;
    this.#keyring = keyring;
  }

  /** Opened already, because that takes no waiting. */
  async start(): Promise<void> {}

  async list(userId: string): Promise<readonly Instance[]> {
    const rows = this.#db
      .prepare("SELECT * FROM instances WHERE user_id = ? ORDER BY id")
      .all(userId);
    return rows.map((row) => this.#read(row));
  }

  async find(key: LinkKey, nowMs: number): Promise<Instance | undefined> {
    return this.#one(
      `SELECT * FROM instances WHERE key_digest = ? AND (key_expires_at IS NULL OR key_expires_at > ?)`,
      this.#keyring.digest(key),
      nowMs,
    );
  }

  async create(instance: NewInstance, limit: number): Promise<CreateResult | KeyTaken> {
    const insert = this.#db.transaction((): CreateResult => {
      const count = this.#count(instance.userId);
      if (count >= limit) return { outcome: "limit-reached" };
      const created = this.#one(
        `INSERT INTO instances (user_id, key_digest, key_sealed, key_expires_at, origin, created_at)
         VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
        instance.userId,
        this.#keyring.digest(instance.key),
        this.#keyring.seal(instance.key),
        instance.keyExpiresAtMs,
        instance.origin,
        instance.createdAtMs,
      );
      if (created === undefined) throw new Error("the insert returned no row");
      return { outcome: "created", instance: created, count: count + 1 };
    });
    return unlessKeyTaken(() => insert.immediate());
  }

  async activate(
    from: LinkKey,
    to: LinkKey,
    nowMs: number,
    heirs: readonly string[],
    pairing: Pairing,
  ): Promise<Instance | undefined> {
    return this.#one(
      `UPDATE instances SET key_digest = ?, key_sealed = ?, key_expires_at = NULL, activated = 1,
         former_digest = key_digest, heirs_until = key_expires_at, heirs = ?, pairing = ?
       WHERE key_digest = ? AND (key_expires_at IS NULL OR key_expires_at > ?) RETURNING *`,
      this.#keyring.digest(to),
      this.#keyring.seal(to),
      JSON.stringify(heirs),
      JSON.stringify(pairing),
      this.#keyring.digest(from),
      nowMs,
    );
  }

  async inherit(
    key: LinkKey,
    marks: readonly string[],
    nowMs: number,
  ): Promise<Instance | undefined> {
    const rows = this.#db
      .prepare("SELECT * FROM instances WHERE former_digest = ? AND heirs_until > ?")
      .all(this.#keyring.digest(key), nowMs);
    const row = rows.find((raw) => {
      const heirs = JSON.parse(Row.parse(raw).heirs ?? "[]") as string[];
      return heirs.some((heir) => marks.includes(heir));
    });
    return row === undefined ? undefined : this.#read(row);
  }

  async settle(id: number): Promise<void> {
    const sql = `UPDATE instances SET former_digest = NULL, heirs = NULL, heirs_until = NULL
       WHERE id = ? AND former_digest IS NOT NULL`;
    this.#db.prepare(sql).run(id);
  }

  async recordPairing(id: number, pairing: Pairing): Promise<void> {
    this.#db
      .prepare("UPDATE instances SET pairing = ? WHERE id = ? AND activated = 1")
      .run(JSON.stringify(pairing), id);
  }

  async rekey(
    userId: string,
    id: number,
    key: LinkKey,
    keyExpiresAtMs: number,
  ): Promise<RekeyResult | KeyTaken> {
    return unlessKeyTaken((): RekeyResult => {
      const instance = this.#one(
        `UPDATE instances SET key_digest = ?, key_sealed = ?, key_expires_at = ?, activated = 0,
           pairing = NULL, former_digest = NULL, heirs = NULL, heirs_until = NULL
         WHERE user_id = ? AND id = ? RETURNING *`,
        this.#keyring.digest(key),
        this.#keyring.seal(key),
        keyExpiresAtMs,
        userId,
        id,
      );
      if (instance === undefined) return { outcome: "not-found" };
      return { outcome: "rekeyed", instance, count: this.#count(userId) };
    });
  }

  async rename(userId: string, id: number, name: string): Promise<Instance | undefined> {
    return this.#one(
      "UPDATE instances SET name = ? WHERE user_id = ? AND id = ? RETURNING *",
      name,
      userId,
      id,
    );
  }

  async remove(userId: string, id: number): Promise<boolean> {
    const result = this.#db
      .prepare("DELETE FROM instances WHERE user_id = ? AND id = ?")
      .run(userId, id);
    return result.changes > 0;
  }

  async ping(): Promise<void> {
    this.#db.prepare("SELECT 1").get();
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #one(sql: string, ...values: unknown[]): Instance | undefined {
    const row = this.#db.prepare(sql).get(...values);
    return row === undefined ? undefined : this.#read(row);
  }

  #count(userId: string): number {
    const row = this.#db
      .prepare("SELECT count(*) AS count FROM instances WHERE user_id = ?")
      .get(userId);
    return Count.parse(row).count;
  }

  #read(raw: unknown): Instance {
    const row = Row.parse(raw);
    return {
      id: row.id,
      userId: row.user_id,
      key: this.#keyring.open(row.key_sealed),
      keyExpiresAtMs: row.key_expires_at ?? undefined,
      name: row.name,
      activated: row.activated !== 0,
      origin: row.origin,
      createdAtMs: row.created_at,
      pairing: row.pairing === null ? undefined : (JSON.parse(row.pairing) as Pairing),
      heirsUntilMs: row.heirs_until ?? undefined,
    };
  }
}

function unlessKeyTaken<T>(write: () => T): T | KeyTaken {
  try {
    return write();
  } catch (thrown) {
    const taken = (thrown as { code?: unknown }).code === "SQLITE_CONSTRAINT_UNIQUE";
    if (taken) return "key-taken";
    throw thrown;
  }
}
