/** Logs: readable lines when a person watches, JSON lines when a program does. Keys never reach them. */

import { type Logger, pino } from "pino";
import { PinoPretty } from "pino-pretty";

/** Should a key ever be handed over by mistake, it is masked here as well. */
const SECRET_NAMES = [
  "key",
  "secret",
  "clientId",
  "token",
  "authorization",
  "cookie",
  "credential",
];
const REDACTED = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** @param file instead of the terminal: a screen is drawn there. */
export function createLogger(level: LogLevel, file?: string): Logger {
  const options = { level, redact: REDACTED, base: null };
  if (file !== undefined) return pino(options, pino.destination({ dest: file, mkdir: true }));
  if (!process.stderr.isTTY) return pino(options, pino.destination(2));
  return pino(
    options,
    PinoPretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss" }),
  );
}
