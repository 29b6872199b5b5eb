/** Logs: readable lines when a person watches, JSON lines when a program does. Keys never reach them. */

import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import { openLog } from "./log-destination.ts";

const STDERR = 2;

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
  const destination = openLog(file ?? STDERR);
  if (file !== undefined || !isatty(STDERR)) return pino(options, destination);
  const pretty = prettyFactory({ ignore: "pid,hostname", translateTime: "HH:MM:ss" });
  return pino(options, { write: (line: string) => destination.write(pretty(line)) });
}
