/**
 * Images received in part, kept across a reload of the page, so that a running job's picture goes on
 * from where it was. Best effort: without storage, or with a full one, the image is fetched anew.
 */

import { ImageInfo } from "@beeline/protocol";

export interface StoredPart {
  readonly info: ImageInfo;
  /** The image's first bytes, without a gap. */
  readonly bytes: Uint8Array;
}

export interface PartStore {
  load(commandId: string): Promise<readonly StoredPart[]>;
  /** Pieces are appended in order; the caller may reuse nothing of `bytes`. */
  append(commandId: string, info: ImageInfo, offset: number, bytes: Uint8Array): void;
  forget(commandId: string): void;
}

interface Row {
  readonly commandId: string;
  readonly index: number;
  readonly offset: number;
  readonly info: ImageInfo;
  readonly bytes: Uint8Array;
  readonly savedAt: number;
}

const DATABASE = "beeline";
const ROWS = "parts";
/** A page that did not come back in a day has lost interest; the extension forgets as well. */
const KEEP_MS = 24 * 60 * 60 * 1000;

/** @returns undefined where there is no IndexedDB: Node, or a browser that forbids it. */
export function openPartStore(): PartStore | undefined {
  const factory = globalThis.indexedDB as IDBFactory | undefined;
  if (factory === undefined) return undefined;
  const opening = openDatabase(factory);
  opening.then(removeOld).catch(() => {});

  const withRows = (use: (rows: IDBObjectStore) => void): void => {
    opening.then((database) => use(rowsOf(database, "readwrite"))).catch(() => {});
  };
  return {
    load: async (commandId) => {
      try {
        return joinRows(await readRows(await opening, commandId));
      } catch {
        return [];
      }
    },
    append: (commandId, info, offset, bytes) =>
      withRows((rows) => {
        const row: Row = {
          commandId,
          index: info.index,
          offset,
          info,
          bytes: bytes.slice(),
          savedAt: Date.now(),
        };
        rows.put(row);
      }),
    forget: (commandId) => withRows((rows) => rows.delete(rangeOf(commandId))),
  };
}

/** Rows of one command, joined to gapless beginnings. What is not as we wrote it is left out. */
export function joinRows(rows: readonly Row[]): StoredPart[] {
  const parts = new Map<number, { info: ImageInfo; pieces: Uint8Array[]; length: number }>();
  for (const row of [...rows].sort((a, b) => a.index - b.index || a.offset - b.offset)) {
    const info = ImageInfo.safeParse(row.info);
    if (!info.success || !(row.bytes instanceof Uint8Array)) continue;
    const part = parts.get(row.index) ?? { info: info.data, pieces: [], length: 0 };
    if (part.info.sha256 !== info.data.sha256 || row.offset > part.length) continue;
    const fresh = row.bytes.subarray(part.length - row.offset);
    if (part.length + fresh.byteLength > info.data.size) continue;
    part.pieces.push(fresh);
    part.length += fresh.byteLength;
    parts.set(row.index, part);
  }
  return [...parts.values()].map(({ info, pieces, length }) => {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
    return { info, bytes };
  });
}

function openDatabase(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    const rows = request.result.createObjectStore(ROWS, {
      keyPath: ["commandId", "index", "offset"],
    });
    rows.createIndex("savedAt", "savedAt");
  };
  return settled(request);
}

function readRows(database: IDBDatabase, commandId: string): Promise<Row[]> {
  return settled(rowsOf(database, "readonly").getAll(rangeOf(commandId)));
}

function removeOld(database: IDBDatabase): void {
  const old = IDBKeyRange.upperBound(Date.now() - KEEP_MS);
  const cursor = rowsOf(database, "readwrite").index("savedAt").openCursor(old);
  cursor.onsuccess = () => {
    cursor.result?.delete();
    cursor.result?.continue();
  };
}

function rowsOf(database: IDBDatabase, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(ROWS, mode).objectStore(ROWS);
}

/** Every key that begins with this id: arrays sort after numbers in IndexedDB. */
function rangeOf(commandId: string): IDBKeyRange {
  return IDBKeyRange.bound([commandId], [commandId, []]);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
