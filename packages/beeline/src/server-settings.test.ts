import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { expect, onTestFinished, test } from "vitest";
import { addServerSettings, readServerSettings } from "./server-settings.ts";

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "beeline-settings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  writeFileSync(path, text);
  return path;
}

/** As typed after `beeline server`. */
function flagsOf(...args: string[]): Record<string, unknown> {
  const command = addServerSettings(
    new Command().exitOverride().configureOutput({ writeErr: () => {} }),
  );
  return command.parse(args, { from: "user" }).opts();
}

test("nothing given is the defaults", () => {
  expect(readServerSettings(flagsOf(), {})).toMatchObject({
    host: "127.0.0.1",
    port: 3939,
    publicHost: [],
    anonymous: true,
    stun: true,
    logLevel: "info",
    database: undefined,
  });
});

test("a flag counts before the environment, and that before the file", () => {
  const config = fileWith(JSON.stringify({ port: 1, host: "10.0.0.1", drain: 7 }));
  const environment = {
    PORT: "2",
    BEELINE_HOST: "10.0.0.2",
    BEELINE_CONFIG: config,
    BEELINE_DRAIN: "",
  };
  expect(readServerSettings(flagsOf("--port", "3"), environment)).toMatchObject({
    port: 3,
    host: "10.0.0.2",
    drain: 7,
  });
});

test("lists come as several words, or with commas, and switches are turned off", () => {
  const flags = flagsOf("--public-host", "a.example", "b.example", "--no-stun");
  const settings = readServerSettings(flags, { BEELINE_ALLOW_ORIGIN: "https://a, https://b" });
  expect(settings).toMatchObject({
    publicHost: ["a.example", "b.example"],
    allowOrigin: ["https://a", "https://b"],
    stun: false,
  });
});

test("every bad value is named by where it stands, in one go", () => {
  const config = fileWith(JSON.stringify({ drain: -1, prot: 5 }));
  const flags = flagsOf("--port", "70000", "--trust-proxy", "10.0.0.1", "foo", "--config", config);
  const attempt = () => readServerSettings(flags, { BEELINE_INSTANCE_LIMIT: "many" });
  expect(attempt).toThrow(/--port \("70000"\)/);
  expect(attempt).toThrow(/--trust-proxy \(\["10.0.0.1","foo"\]\): an address or a network, like/);
  expect(attempt).toThrow(/BEELINE_INSTANCE_LIMIT \("many"\): a whole number/);
  expect(attempt).toThrow(/"drain" of the configuration file/);
  expect(attempt).toThrow(/there is no setting "prot"/);
});

test("secrets come from the environment or a file, have no flag, and are never repeated", () => {
  const path = fileWith(`${"ab".repeat(32)}\n`);
  expect(readServerSettings(flagsOf("--secret-file", path), {}).secret).toBe("ab".repeat(32));
  expect(() => flagsOf("--secret", "x")).toThrow("unknown option");
  const attempt = () => readServerSettings(flagsOf(), { BEELINE_SECRET: "hunter2" });
  expect(attempt).toThrow(/BEELINE_SECRET: 64 hexadecimal digits/);
  expect(attempt).not.toThrow(/hunter2/);
});

test("an address that may hold a password comes from a flag or a file, and is never repeated", () => {
  const url = "postgres://beeline:hunter2@db/beeline";
  const path = fileWith(`${url}\n`);
  expect(readServerSettings(flagsOf("--database", url), {}).database).toBe(url);
  expect(readServerSettings(flagsOf("--database-file", path), {}).database).toBe(url);
  const bad = "postgre://u:hunter2@db/x";
  const config = fileWith(JSON.stringify({ database: bad, redis: bad }));
  for (const attempt of [
    () => readServerSettings(flagsOf("--database", bad, "--redis", bad), {}),
    () => readServerSettings(flagsOf(), { BEELINE_DATABASE: bad, BEELINE_REDIS: bad }),
    () => readServerSettings(flagsOf("--redis-file", path, "--database-file", "/no/file"), {}),
    () => readServerSettings(flagsOf("--config", config), {}),
  ]) {
    expect(attempt).toThrow(/an address like redis:\/\/|cannot be read/);
    expect(attempt).not.toThrow(/hunter2/);
  }
  const attempt = () => readServerSettings(flagsOf("--database", bad), {});
  expect(attempt).toThrow(/--database: an address like postgres:\/\/user@host\/name/);
});

test.each([
  [["--redis", "redis://127.0.0.1"], "--redis needs --database"],
  [["--turn-url", "turn:t.example"], "a TURN server needs both"],
  [["--token-issuer", "x"], "tokens need an issuer, an audience"],
  [["--no-anonymous"], "--no-anonymous needs tokens"],
  [["--config", "/nowhere/at/all"], "no such file"],
  [["--turn-secret-file", "/nowhere/at/all"], "cannot be read"],
])("%j is refused: %s", (args, message) => {
  expect(() => readServerSettings(flagsOf(...args), {})).toThrow(message);
});

test("the help names every setting with its variable", () => {
  const help = addServerSettings(new Command()).helpInformation();
  for (const name of [
    "--port",
    "PORT",
    "--redis",
    "BEELINE_REDIS",
    "--turn-secret-file",
    "--drain",
  ]) {
    expect(help).toContain(name);
  }
});
