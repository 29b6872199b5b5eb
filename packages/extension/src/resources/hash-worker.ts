/**
 * The thread that computes SHA-256s of large files, in nobody's way.
 *
 * It runs at the lowest priority where a thread can have one of its own (Linux), and everywhere
 * leaves the disk to others for as long as it has just used it: hashing a library may take hours,
 * and its owner draws meanwhile.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

export interface HashReply {
  readonly path: string;
  /** Undefined: the file cannot be read. */
  readonly sha256: string | undefined;
}

const READ_BYTES = 1024 * 1024;
/** A read that took less came from memory and held up nobody. */
const DISK_READ_MS = 2;

if (process.platform === "linux") setPriority(0, constants.priority.PRIORITY_LOW);

const buffer = Buffer.allocUnsafe(READ_BYTES);
const bell = new Int32Array(new SharedArrayBuffer(4));

function sha256Of(path: string): string | undefined {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    for (;;) {
      const before = performance.now();
      const count = readSync(file, buffer, 0, READ_BYTES, null);
      if (count === 0) return hash.digest("hex");
      const readMs = performance.now() - before;
      hash.update(buffer.subarray(0, count));
      if (readMs > DISK_READ_MS) Atomics.wait(bell, 0, 0, readMs);
    }
  } finally {
    closeSync(file);
  }
}

parentPort?.on("message", (path: string) => {
  let reply: HashReply;
  try {
    reply = { path, sha256: sha256Of(path) };
  } catch {
    reply = { path, sha256: undefined };
  }
  parentPort?.postMessage(reply);
});
