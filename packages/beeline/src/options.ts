/** Options that several commands share, with one wording and one check each. */

import { DEFAULT_RTC_ENGINE, RIGHTS, type Right, RTC_ENGINES } from "@beeline/extension";
import { InvalidArgumentError, Option } from "commander";
import { LOG_LEVELS } from "./logger.ts";

/** Free in IANA's list and easy to type. */
export const DEFAULT_PORT = 3939;

export const portOption = new Option("-p, --port <number>", "TCP port to listen on")
  .env("PORT")
  .argParser(parsePort);

export const hostOption = new Option(
  "--host <address>",
  "address to listen on; 0.0.0.0 opens it to your network",
).default("127.0.0.1");

export const rootOption = new Option(
  "--home <folder>",
  "keep keys and data here instead of the platform's folders",
).env("BEELINE_HOME");

export const logOption = new Option("--log-level <level>", "how much to log")
  .choices(LOG_LEVELS)
  .default("info")
  .env("BEELINE_LOG_LEVEL");

export const publicHostOption = new Option(
  "--public-host <name...>",
  "names under which browsers reach this server",
).default([]);

export const originOption = new Option(
  "--allow-origin <origin...>",
  "other sites whose pages may use this server",
).default([]);

export const directOption = new Option("--no-direct", "never connect directly; use the relay only");

export const rtcOption = new Option("--rtc <engine>", "what carries direct connections")
  .choices(RTC_ENGINES)
  .default(DEFAULT_RTC_ENGINE);

export const stepOption = new Option(
  "--demo-step-ms <number>",
  "milliseconds the demo renderer takes for one step",
).argParser(parseCount);

export const allowHostOption = new Option(
  "--allow-host <name...>",
  "download models and pictures from these hosts too",
).default([]);

export const allowInsecureOption = new Option(
  "--allow-insecure",
  "allow http for the hosts given by --allow-host",
).default(false);

export const allowOption = new Option(
  "--allow <rights>",
  `what pages of this link may do: ${RIGHTS.join(", ")}, with commas between; or none`,
).argParser(parseRights);

/** Rights with commas between, or `none`. */
export function parseRights(text: string): readonly Right[] {
  const names = text === "none" ? [] : text.split(",").map((name) => name.trim());
  const rights = RIGHTS.filter((right) => names.includes(right));
  if (rights.length === new Set(names).size) return rights;
  throw new InvalidArgumentError(`rights are ${RIGHTS.join(", ")}, or none.`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("a port is a number from 0 to 65535.");
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError("a whole number, 0 or more.");
}
