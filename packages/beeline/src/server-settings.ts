/**
 * What an operator may set, where it may come from, and what it says when a value is wrong.
 *
 *     flag  ▶  environment  ▶  file (--config, JSON)  ▶  default        the first one counts
 *
 * One table feeds the help, the parser and the documents. Secrets have no flag, because everybody on
 * the machine sees the flags of a process: they come from the environment, or from a file whose path
 * does have a flag. Addresses that may hold a password can come either way. A wrong value is named by
 * where it stands; a secret's value, or such an address, is never shown.
 */

import { readFileSync } from "node:fs";
import { isProxyAddress } from "@beeline/server";
import { type Command, Option } from "commander";
import { z } from "zod";
import { LOG_LEVELS } from "./logger.ts";
import { DEFAULT_PORT } from "./options.ts";

const text = z.string().min(1);
/** From flags and the environment as text, from a file as a number. */
const whole = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .union([z.number(), z.string().regex(/^\d+$/, "a whole number").transform(Number)])
    .pipe(z.number().int().min(min).max(max));
/** Several flags' worth, an array of a file, or one text with commas. */
const list = z.union([
  z.array(text),
  z.string().transform((all) =>
    all
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean),
  ),
]);
const yesNo = z.union([
  z.boolean(),
  z.enum(["true", "false"]).transform((word) => word === "true"),
]);
const proxies = list.pipe(
  z.array(z.string().refine(isProxyAddress, "an address or a network, like 10.0.0.0/8")),
);
const secret = z.string().min(16, "at least 16 characters");
const url = (protocol: RegExp, example: string) =>
  z
    .string()
    .refine((given) => protocol.test(given) && URL.canParse(given), `an address like ${example}`);

interface Setting {
  readonly schema: z.ZodType;
  /** As commander writes it; absent for secrets. */
  readonly flag?: string;
  /** It has a flag and may hold a password all the same. */
  readonly mayHoldPassword?: true;
  readonly env: string;
  readonly help: string;
  readonly group: string;
}

const LISTEN = "Listening:";
const WHO = "Who may use it:";
const SCALE = "Storage and several processes:";
const DIRECT = "Direct connections:";
const LIMITS = "Limits:";
const OPERATE = "Operating it:";

const SETTINGS = {
  host: {
    schema: text.default("127.0.0.1"),
    flag: "--host <address>",
    env: "BEELINE_HOST",
    help: "address to listen on; 0.0.0.0 opens it to the network (default: 127.0.0.1)",
    group: LISTEN,
  },
  port: {
    schema: whole(0, 65_535).default(DEFAULT_PORT),
    flag: "-p, --port <number>",
    env: "PORT",
    help: `TCP port; 0 picks a free one (default: ${DEFAULT_PORT})`,
    group: LISTEN,
  },
  publicHost: {
    schema: list.default([]),
    flag: "--public-host <name...>",
    env: "BEELINE_PUBLIC_HOST",
    help: "names under which browsers reach this server",
    group: LISTEN,
  },
  trustProxy: {
    schema: proxies.default([]),
    flag: "--trust-proxy <address...>",
    env: "BEELINE_TRUST_PROXY",
    help: "reverse proxies in front of this server, as addresses or networks",
    group: LISTEN,
  },
  allowOrigin: {
    schema: list.default([]),
    flag: "--allow-origin <origin...>",
    env: "BEELINE_ALLOW_ORIGIN",
    help: "other sites whose pages may use this server",
    group: WHO,
  },
  anonymous: {
    schema: yesNo.default(true),
    flag: "--no-anonymous",
    env: "BEELINE_ANONYMOUS",
    help: "only users with a token may own links",
    group: WHO,
  },
  tokenIssuer: {
    schema: text.optional(),
    flag: "--token-issuer <name>",
    env: "BEELINE_TOKEN_ISSUER",
    help: "issuer of the JWTs of a site with its own accounts",
    group: WHO,
  },
  tokenAudience: {
    schema: text.optional(),
    flag: "--token-audience <name>",
    env: "BEELINE_TOKEN_AUDIENCE",
    help: "audience that those tokens must name",
    group: WHO,
  },
  tokenJwksUrl: {
    schema: url(/^https?:/, "https://site.example/.well-known/jwks.json").optional(),
    flag: "--token-jwks-url <url>",
    env: "BEELINE_TOKEN_JWKS_URL",
    help: "where the site publishes its public keys",
    group: WHO,
  },
  tokenSecret: {
    schema: z.string().min(32, "at least 32 characters").optional(),
    env: "BEELINE_TOKEN_SECRET",
    help: "secret that it shares with this server, instead of public keys",
    group: WHO,
  },
  instanceLimit: {
    schema: whole(1).optional(),
    flag: "--instance-limit <number>",
    env: "BEELINE_INSTANCE_LIMIT",
    help: "links one user may have (default: 10)",
    group: WHO,
  },
  home: {
    schema: text.optional(),
    flag: "--home <folder>",
    env: "BEELINE_HOME",
    help: "keep keys and data here instead of the platform's folders",
    group: SCALE,
  },
  database: {
    schema: url(/^postgres(ql)?:/, "postgres://user@host/name").optional(),
    flag: "--database <url>",
    mayHoldPassword: true,
    env: "BEELINE_DATABASE",
    help: "PostgreSQL instead of a file, as postgres://…",
    group: SCALE,
  },
  redis: {
    schema: url(/^rediss?:/, "redis://host:6379").optional(),
    flag: "--redis <url>",
    mayHoldPassword: true,
    env: "BEELINE_REDIS",
    help: "share rooms with other processes, as redis://…; needs --database",
    group: SCALE,
  },
  secret: {
    schema: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, "64 hexadecimal digits")
      .optional(),
    env: "BEELINE_SECRET",
    help: "64 hexadecimal digits that seal keys and sign cookies, the same for all processes",
    group: SCALE,
  },
  stunPort: {
    schema: whole(0, 65_535).optional(),
    flag: "--stun-port <number>",
    env: "BEELINE_STUN_PORT",
    help: "UDP port that answers STUN (default: as --port)",
    group: DIRECT,
  },
  stun: {
    schema: yesNo.default(true),
    flag: "--no-stun",
    env: "BEELINE_STUN",
    help: "do not answer STUN",
    group: DIRECT,
  },
  turnUrl: {
    schema: list.default([]),
    flag: "--turn-url <url...>",
    env: "BEELINE_TURN_URL",
    help: "your TURN server, as turn:turn.example.org:3478",
    group: DIRECT,
  },
  turnSecret: {
    schema: secret.optional(),
    env: "BEELINE_TURN_SECRET",
    help: "static-auth-secret of that server",
    group: DIRECT,
  },
  turnLifetime: {
    schema: whole(60, 86_400).optional(),
    flag: "--turn-lifetime <seconds>",
    env: "BEELINE_TURN_LIFETIME",
    help: "how long its credentials hold (default: 600)",
    group: DIRECT,
  },
  turnPerUser: {
    schema: whole(1).optional(),
    flag: "--turn-per-user <number>",
    env: "BEELINE_TURN_PER_USER",
    help: "credentials per user and hour (default: 120)",
    group: DIRECT,
  },
  turnTotal: {
    schema: whole(1).optional(),
    flag: "--turn-total <number>",
    env: "BEELINE_TURN_TOTAL",
    help: "credentials per hour (default: 4000)",
    group: DIRECT,
  },
  socketsPerAddress: {
    schema: whole(1).optional(),
    flag: "--sockets-per-address <number>",
    env: "BEELINE_SOCKETS_PER_ADDRESS",
    help: "connections from one address (default: 64)",
    group: LIMITS,
  },
  relayRate: {
    schema: whole(65_536).optional(),
    flag: "--relay-rate <bytes>",
    env: "BEELINE_RELAY_RATE",
    help: "relayed bytes per second and session (default: 134217728)",
    group: LIMITS,
  },
  relayUserRate: {
    schema: whole(65_536).optional(),
    flag: "--relay-user-rate <bytes>",
    env: "BEELINE_RELAY_USER_RATE",
    help: "the same for all links of one user (default: 268435456)",
    group: LIMITS,
  },
  logLevel: {
    schema: z.enum(LOG_LEVELS).default("info"),
    flag: "--log-level <level>",
    env: "BEELINE_LOG_LEVEL",
    help: `how much to log: ${LOG_LEVELS.join(", ")} (default: info)`,
    group: OPERATE,
  },
  drain: {
    schema: whole(0, 3_600).default(0),
    flag: "--drain <seconds>",
    env: "BEELINE_DRAIN",
    help: "on SIGTERM, let peers move to other processes over this time (default: 0)",
    group: OPERATE,
  },
  metricsToken: {
    schema: secret.optional(),
    env: "BEELINE_METRICS_TOKEN",
    help: "token with which a Prometheus elsewhere reads /metrics",
    group: OPERATE,
  },
} satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
export type ServerSettings = { [N in Name]: z.output<(typeof SETTINGS)[N]["schema"]> };
type Source = Readonly<Record<string, unknown>>;

const TABLE = Object.entries(SETTINGS) as [Name, Setting][];

/** Adds every setting to the command's help and parser. */
export function addServerSettings(command: Command): Command {
  for (const [name, setting] of TABLE) {
    const { flag, env, help, group } = setting;
    if (flag !== undefined) {
      const option = new Option(flag, `${help} [${env}]`).helpGroup(group);
      command.addOption(flag.startsWith("--no-") ? option.default(undefined) : option);
    }
    if (isSecret(setting)) {
      const described =
        flag === undefined ? `file with the ${help} [${env}]` : "file with the same";
      command.addOption(new Option(`${fileFlag(name)} <path>`, described).helpGroup(group));
    }
  }
  const config = new Option("-c, --config <file>", "JSON file with any of these [BEELINE_CONFIG]");
  return command.addOption(config.helpGroup(OPERATE));
}

/** @throws {Error} naming every bad value and where it stands. */
export function readServerSettings(flags: Source, environment: Source): ServerSettings {
  const complaints: string[] = [];
  const path = flags.config ?? environment.BEELINE_CONFIG;
  const file = path === undefined ? {} : readConfigFile(String(path), complaints);
  const known = new Set<string>(TABLE.map(([name]) => name));
  for (const name of Object.keys(file)) {
    if (!known.has(name)) complaints.push(`${path}: there is no setting "${name}"`);
  }
  const read = ([name, setting]: [Name, Setting]): [Name, unknown] => {
    const [value, where] = givenFor(name, setting, flags, environment, file, complaints);
    const checked = setting.schema.safeParse(value);
    if (checked.success) return [name, checked.data];
    const shown = isSecret(setting) ? "" : ` (${JSON.stringify(value)})`;
    complaints.push(`${where}${shown}: ${innermost(checked.error.issues)}`);
    return [name, undefined];
  };
  const settings = Object.fromEntries(TABLE.map(read)) as ServerSettings;
  complaints.push(...(complaints.length === 0 ? contradictions(settings) : []));
  if (complaints.length > 0) {
    throw new Error(`the configuration is wrong.\n  ${complaints.join("\n  ")}`);
  }
  return settings;
}

function givenFor(
  name: Name,
  setting: Setting,
  flags: Source,
  environment: Source,
  file: Source,
  complaints: string[],
): [value: unknown, where: string] {
  const { flag, env } = setting;
  const path = isSecret(setting) ? flags[`${name}File`] : undefined;
  if (path !== undefined) return [readSecretFile(String(path), complaints), fileFlag(name)];
  if (flag !== undefined && flags[name] !== undefined) {
    return [flags[name], flag.split(" ").find((word) => word.startsWith("--")) ?? name];
  }
  // An empty variable is how compose files and unit files say "not set".
  const variable = environment[env];
  if (variable !== undefined && variable !== "") return [variable, env];
  return [file[name], `"${name}" of the configuration file`];
}

function contradictions(settings: ServerSettings): string[] {
  const { tokenIssuer, tokenAudience, tokenJwksUrl, tokenSecret, turnUrl, turnSecret } = settings;
  const tokens = [tokenIssuer, tokenAudience, tokenJwksUrl ?? tokenSecret];
  const given = tokens.filter((value) => value !== undefined).length;
  const complaints: string[] = [];
  if (given !== 0 && given !== tokens.length) {
    complaints.push("tokens need an issuer, an audience, and a JWKS address or a secret");
  }
  if (tokenJwksUrl !== undefined && tokenSecret !== undefined) {
    complaints.push("tokens are checked by a JWKS address or by a secret, not by both");
  }
  if (!settings.anonymous && given === 0) complaints.push("--no-anonymous needs tokens");
  if (turnUrl.length > 0 !== (turnSecret !== undefined)) {
    complaints.push("a TURN server needs both --turn-url and its secret");
  }
  if (settings.redis !== undefined && settings.database === undefined) {
    complaints.push("--redis needs --database: several processes share one");
  }
  return complaints;
}

function readConfigFile(path: string, complaints: string[]): Source {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    complaints.push(`${path}: ${code === "ENOENT" ? "no such file" : "not a JSON object"}`);
    return {};
  }
}

function readSecretFile(path: string, complaints: string[]): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    complaints.push(`${path}: this file cannot be read`);
    return undefined;
  }
}

/** Of a value that fits none of several shapes, the complaint about the likeliest: the last. */
function innermost(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue?.code === "invalid_union") return innermost(issue.errors.at(-1) ?? []);
  return issue?.message ?? "not valid";
}

function isSecret({ flag, mayHoldPassword }: Setting): boolean {
  return flag === undefined || mayHoldPassword === true;
}

function fileFlag(name: string): string {
  return `--${kebab(name)}-file`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
