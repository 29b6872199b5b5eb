/**
 * Runs until the process is asked to stop, then closes what was opened, last first; or until a fault
 * that nobody caught.
 */

import type { Logger } from "pino";

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

/**
 * The last line of defence: what nobody caught is logged, and the process ends with code 1, for a
 * supervisor to start it again; nobody knows what else is broken by then. Of the error only its words
 * are kept, because drivers hang whole commands on theirs, with keys in them.
 * @returns the logger.
 */
export function endOnFault(logger: Logger): Logger {
  process.on("uncaughtException", (thrown: unknown) => {
    const fault = wordsOf(thrown);
    logger.fatal({ fault }, "a fault that nobody caught; the process ends");
    // A log in a file, or none, is not what the person in front of it sees.
    if (process.stderr.isTTY || !logger.isLevelEnabled("fatal"))
      process.stderr.write(`beeline: ${fault.type}: ${fault.message}\n`);
    process.exit(1);
  });
  return logger;
}

function wordsOf(thrown: unknown): { type: string; message: string; stack?: string | undefined } {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: "not an error" };
  const { name: type, message, stack } = thrown;
  return { type, message, stack };
}
