/** Runs until the process is asked to stop, then closes what was opened, last first. */

export interface Closable {
  close(): Promise<unknown>;
}

/** A part that does not close in this time is left behind: the person has pressed Ctrl+C. */
const CLOSE_LIMIT_MS = 5_000;

export function closeOnExit(parts: readonly Closable[], limitMs = CLOSE_LIMIT_MS): void {
  let isClosing = false;
  const stop = (): void => {
    // A second Ctrl+C means now.
    if (isClosing) process.exit(130);
    isClosing = true;
    const limit = setTimeout(() => process.exit(0), limitMs);
    limit.unref();
    void (async () => {
      for (const part of [...parts].reverse()) await part.close().catch(() => {});
      process.exit(0);
    })();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
