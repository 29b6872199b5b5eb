/**
 * The store as a PostgreSQL database, for several server processes.
 *
 * Same promises, same schema and same migrations by number as sqlite-store.ts. Every method is one
 * statement, or a transaction that holds an advisory lock for the one user or the one schema it is
 * about. A database that does not answer makes a method reject; the pool connects anew by itself.
 */

import type { LinkKey } from "@beeline/protocol";
import pg from "pg";
import type { Logger } from "pino";
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
  Witness,
} from "./store.ts";

/** `IDENTITY` numbers are never handed out twice, as rooms need it. */
const MIGRATIONS = [
  `CREATE TABLE instances (
     id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     user_id TEXT NOT NULL,
     key_digest BYTEA NOT NULL CONSTRAINT one_instance_per_key UNIQUE,
     key_sealed BYTEA NOT NULL,
     key_expires_at BIGINT,
     name TEXT,
     activated BOOLEAN NOT NULL DEFAULT FALSE,
     origin TEXT,
     created_at BIGINT NOT NULL
   );
   CREATE INDEX instances_by_user ON instances (user_id);
   CREATE TABLE secret (fingerprint TEXT NOT NULL);`,
  "ALTER TABLE instances ADD COLUMN pairing JSONB;",
  `ALTER TABLE instances ADD COLUMN former_digest BYTEA, ADD COLUMN heirs TEXT[],
     ADD COLUMN heirs_until BIGINT;
   CREATE INDEX instances_by_former_key ON instances (former_digest);`,
];

/** Of this schema, among whatever else uses advisory locks in the database ("bee" in ASCII). */
const SCHEMA_LOCK = 0x626565;
const USER_LOCK = 0x626566;

/** Requests take a millisecond; more connections only make the database's own queue longer. */
const MAX_CONNECTIONS = 10;
/** A join waits at most this long for a database that is away, then is asked to come again. */
const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 5_000;

/** The driver gives BIGINT as text; ids and times are far below 2⁵³. */
const Whole = z.coerce.number().int();

const Row = z.object({
  id: Whole,
  user_id: z.string(),
  key_sealed: z.instanceof(Uint8Array),
  key_expires_at: Whole.nullable(),
  name: z.string().nullable(),
  activated: z.boolean(),
  origin: z.string().nullable(),
  created_at: Whole,
  pairing: z
    .object({ atMs: z.number(), peers: z.array(z.custom<Witness>()) })
    .nullable()
    .optional(),
  heirs_until: Whole.nullable(),
});

export class PostgresStore implements Store {
  readonly #pool: pg.Pool;
  readonly #keyring: Keyring;
  readonly #lost: (err: Error) => void;

  constructor(url: string, keyring: Keyring, log: Logger) {
    this.#keyring = keyring;
    this.#lost = (err) => log.warn({ err: err.message }, "database connection lost");
    this.#pool = new pg.Pool({
      connectionString: url,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      application_name: "beeline",
    });
    // A connection that breaks while nobody uses it; the next request opens another one.
    this.#pool.on("error", this.#lost);
  }

  async start(): Promise<void> {
    await this.#transaction(async (db) => {
      await db.query("SELECT pg_advisory_xact_lock($1)", [SCHEMA_LOCK]);
      await migrate(db);
      await claim(db, this.#keyring.fingerprint);
    });
  }

  async list(userId: string): Promise<readonly Instance[]> {
    const { rows } = await this.#pool.query(
      "SELECT * FROM instances WHERE user_id = $1 ORDER BY id",
      [userId],
    );
    return rows.map((row) => this.#read(row));
  }

  find(key: LinkKey, nowMs: number): Promise<Instance | undefined> {
    return this.#one(
      this.#pool,
      `SELECT * FROM instances
       WHERE key_digest = $1 AND (key_expires_at IS NULL OR key_expires_at > $2)`,
      this.#keyring.digest(key),
      nowMs,
    );
  }

  create(instance: NewInstance, limit: number): Promise<CreateResult | KeyTaken> {
    return unlessKeyTaken(() =>
      this.#transaction(async (db): Promise<CreateResult> => {
        // Two requests of one user count one after the other.
        await db.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", [
          USER_LOCK,
          instance.userId,
        ]);
        const count = await this.#count(db, instance.userId);
        if (count >= limit) return { outcome: "limit-reached" };
        const created = await this.#one(
          db,
          `INSERT INTO instances (user_id, key_digest, key_sealed, key_expires_at, origin, created_at)
           VALUES ($1, $2, $3, $4, $5, $6) RETURNING *`,
          instance.userId,
          this.#keyring.digest(instance.key),
          this.#keyring.seal(instance.key),
          instance.keyExpiresAtMs,
          instance.origin,
          instance.createdAtMs,
        );
        if (created === undefined) throw new Error("the insert returned no row");
        return { outcome: "created", instance: created, count: count + 1 };
      }),
    );
  }

  activate(
    from: LinkKey,
    to: LinkKey,
    nowMs: number,
    heirs: readonly string[],
    pairing: Pairing,
  ): Promise<Instance | undefined> {
    return this.#one(
      this.#pool,
      `UPDATE instances SET key_digest = $1, key_sealed = $2, key_expires_at = NULL, activated = TRUE,
         former_digest = key_digest, heirs_until = key_expires_at, heirs = $5, pairing = $6
       WHERE key_digest = $3 AND (key_expires_at IS NULL OR key_expires_at > $4) RETURNING *`,
      this.#keyring.digest(to),
      this.#keyring.seal(to),
      this.#keyring.digest(from),
      nowMs,
      heirs,
      JSON.stringify(pairing),
    );
  }

  inherit(key: LinkKey, marks: readonly string[], nowMs: number): Promise<Instance | undefined> {
    return this.#one(
      this.#pool,
      `SELECT * FROM instances
       WHERE former_digest = $1 AND heirs && $2::text[] AND heirs_until > $3`,
      this.#keyring.digest(key),
      marks,
      nowMs,
    );
  }

  async settle(id: number): Promise<void> {
    const sql = `UPDATE instances SET former_digest = NULL, heirs = NULL, heirs_until = NULL
       WHERE id = $1 AND former_digest IS NOT NULL`;
    await this.#pool.query(sql, [id]);
  }

  async recordPairing(id: number, pairing: Pairing): Promise<void> {
    await this.#pool.query("UPDATE instances SET pairing = $1 WHERE id = $2 AND activated", [
      JSON.stringify(pairing),
      id,
    ]);
  }

  rekey(
    userId: string,
    id: number,
    key: LinkKey,
    keyExpiresAtMs: number,
  ): Promise<RekeyResult | KeyTaken> {
    return unlessKeyTaken(async (): Promise<RekeyResult> => {
      const instance = await this.#one(
        this.#pool,
        `UPDATE instances SET key_digest = $1, key_sealed = $2, key_expires_at = $3,
           activated = FALSE, pairing = NULL,
           former_digest = NULL, heirs = NULL, heirs_until = NULL
         WHERE user_id = $4 AND id = $5 RETURNING *`,
        this.#keyring.digest(key),
        this.#keyring.seal(key),
        keyExpiresAtMs,
        userId,
        id,
      );
      if (instance === undefined) return { outcome: "not-found" };
      return { outcome: "rekeyed", instance, count: await this.#count(this.#pool, userId) };
    });
  }

  rename(userId: string, id: number, name: string): Promise<Instance | undefined> {
    return this.#one(
      this.#pool,
      "UPDATE instances SET name = $1 WHERE user_id = $2 AND id = $3 RETURNING *",
      name,
      userId,
      id,
    );
  }

  async remove(userId: string, id: number): Promise<boolean> {
    const sql = "DELETE FROM instances WHERE user_id = $1 AND id = $2";
    const { rowCount } = await this.#pool.query(sql, [userId, id]);
    return (rowCount ?? 0) > 0;
  }

  async ping(): Promise<void> {
    await this.#pool.query("SELECT 1");
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #transaction<T>(work: (db: pg.PoolClient) => Promise<T>): Promise<T> {
    const db = await this.#pool.connect();
    // The pool listens to idle connections only, and an error without a listener ends the process.
    db.on("error", this.#lost);
    let isDone = false;
    try {
      await db.query("BEGIN");
      const result = await work(db);
      await db.query("COMMIT");
      isDone = true;
      return result;
    } finally {
      // Given back closed unless all went well, which rolls back, whatever state it is in.
      db.release(!isDone);
      db.off("error", this.#lost);
    }
  }

  async #one(
    db: pg.Pool | pg.PoolClient,
    sql: string,
    ...values: unknown[]
  ): Promise<Instance | undefined> {
    const { rows } = await db.query(sql, values);
    return rows[0] === undefined ? undefined : this.#read(rows[0]);
  }

  async #count(db: pg.Pool | pg.PoolClient, userId: string): Promise<number> {
    const sql = "SELECT count(*)::int AS count FROM instances WHERE user_id = $1";
    const { rows } = await db.query<{ count: number }>(sql, [userId]);
    return rows[0]?.count ?? 0;
  }

  #read(raw: unknown): Instance {
    const row = Row.parse(raw);
    return {
      id: row.id,
      userId: row.user_id,
      key: this.#keyring.open(row.key_sealed),
      keyExpiresAtMs: row.key_expires_at ?? undefined,
      name: row.name,
      activated: row.activated,
      origin: row.origin,
      createdAtMs: row.created_at,
      pairing: row.pairing ?? undefined,
      heirsUntilMs: row.heirs_until ?? undefined,
    };
  }
}

async function migrate(db: pg.PoolClient): Promise<void> {
  await db.query("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)");
  const { rows } = await db.query<{ version: number | null }>(
    "SELECT max(version) AS version FROM migrations",
  );
  const applied = rows[0]?.version ?? 0;
  if (applied > MIGRATIONS.length) {
    throw new Error(`the database has schema ${applied}; this program knows ${MIGRATIONS.length}`);
  }
  for (const [i, sql] of MIGRATIONS.entries()) {
    if (i < applied) continue;
    await db.query(sql);
    await db.query("INSERT INTO migrations (version) VALUES ($1)", [i + 1]);
  }
}

async function claim(db: pg.PoolClient, fingerprint: string): Promise<void> {
  const { rows } = await db.query<{ fingerprint: string }>("SELECT fingerprint FROM secret");
  if (rows[0] === undefined) {
    await db.query("INSERT INTO secret (fingerprint) VALUES ($1)", [fingerprint]);
  } else if (rows[0].fingerprint !== fingerprint) {
    throw new Error(
      "the database belongs to another server-secret; restore the one it was made with",
    );
  }
}

async function unlessKeyTaken<T>(write: () => Promise<T>): Promise<T | KeyTaken> {
  try {
    return await write();
  } catch (thrown) {
    if ((thrown as { constraint?: unknown }).constraint === "one_instance_per_key")
      return "key-taken";
    throw thrown;
  }
}
