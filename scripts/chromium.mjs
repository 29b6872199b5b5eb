/**
 * Where the browser tests get their Chromium.
 *
 * In this order: the one CHROMIUM_PATH names, one the system has, one an earlier run unpacked into
 * node_modules, one unpacked now from a registry package (Linux on x64), Debian's package (Linux
 * elsewhere, as root). What cannot be had ends in an error that says what to type: browser tests
 * are never skipped. Nothing outside node_modules is changed, except by that last apt-get.
 *
 * Plain JavaScript on Node's own modules only: it runs before `npm ci` has.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

/**
 * A browser to start: its file, and what its environment needs besides the caller's own.
 * @typedef {{ executablePath: string, env: Record<string, string> }} Chromium
 */

/**
 * The package that carries a whole Chromium for Linux on x64 in itself. 147.0.0 is the newest
 * version whose `engines` accept Node 20.19.
 */
const PACKAGE = "@sparticuz/chromium";
const PACKAGE_VERSION = "147.0.0";
/** What the registry says of that archive; a browser is too much code to run unchecked. */
const PACKAGE_SHA512 =
  "4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==";

const CACHE = fileURLToPath(
  new URL(`../node_modules/.cache/beeline/chromium-${PACKAGE_VERSION}/`, import.meta.url),
);

/** Written last, so that an unpacking that was interrupted is never taken for a browser. */
const COMPLETE = join(CACHE, "complete");

const COMMANDS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "chrome",
];

/** Where macOS and Windows keep browsers, which are not on the PATH there. */
const APPLICATIONS = {
  darwin: ["/Applications", join(process.env.HOME ?? "", "Applications")].flatMap((folder) => [
    join(folder, "Google Chrome.app/Contents/MacOS/Google Chrome"),
    join(folder, "Chromium.app/Contents/MacOS/Chromium"),
  ]),
  win32: ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].flatMap((name) => {
    const folder = process.env[name];
    if (folder === undefined) return [];
    return ["Google/Chrome", "Chromium"].map((product) =>
      join(folder, product, "Application", "chrome.exe"),
    );
  }),
};

/**
 * A Chromium this machine already has, or undefined.
 * Throws when CHROMIUM_PATH is set and names no program: a typing error must not be covered up by
 * another browser.
 * @returns {Chromium | undefined}
 */
export function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== "") {
    if (!isProgram(named)) throw new Error(`CHROMIUM_PATH names no program: ${named}`);
    return { executablePath: named, env: {} };
  }
  const onPath = (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => COMMANDS.map((command) => join(folder, command)));
  const applications =
    process.platform === "darwin" || process.platform === "win32"
      ? APPLICATIONS[process.platform]
      : [];
  const executablePath = [...onPath, ...applications].find((file) => isProgram(file) && runs(file));
  if (executablePath !== undefined) return { executablePath, env: {} };
  return existsSync(COMPLETE) ? unpacked() : undefined;
}

/**
 * Gets a Chromium for a machine without one; `say` receives a line before each long step.
 * Throws with what to type when there is no way to get one unasked.
 * @param {(line: string) => void} say
 * @returns {Chromium}
 */
export function installChromium(say) {
  if (process.platform === "linux" && process.arch === "x64") {
    say(`No Chromium found: getting ${PACKAGE}@${PACKAGE_VERSION} into node_modules (64 MB) …`);
    unpackPackage();
  } else if (process.platform === "linux" && process.getuid?.() === 0) {
    say("No Chromium found: installing Debian's with apt-get …");
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
  }
  const found = findChromium();
  if (found === undefined) {
    throw new Error(
      `The browser tests need Chromium, and this machine has none.\n${howToInstall()}\n` +
        "Or, if it is somewhere unusual: CHROMIUM_PATH=/path/to/chromium npm test",
    );
  }
  return found;
}

/** @returns {string} */
function howToInstall() {
  if (process.platform === "darwin") return "Type:  brew install --cask google-chrome";
  if (process.platform === "win32") return "Type:  winget install Google.Chrome";
  return "Type:  sudo apt-get install chromium   (Fedora: sudo dnf install chromium)";
}

/** Fetches the package into the cache, checks it, and unpacks browser, fonts and libraries. */
function unpackPackage() {
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  // Packed, not installed: nothing of the package runs, and it brings no dependencies.
  run("npm", ["pack", "--silent", "--pack-destination", CACHE, `${PACKAGE}@${PACKAGE_VERSION}`]);
  const archive = join(CACHE, `sparticuz-chromium-${PACKAGE_VERSION}.tgz`);
  const sha512 = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (sha512 !== PACKAGE_SHA512) throw new Error(`${archive} is not the package we know`);
  run("tar", ["-xzf", archive, "-C", CACHE]);

  const bin = join(CACHE, "package", "bin");
  for (const part of ["fonts", "swiftshader", "al2023"]) {
    run(
      "tar",
      ["-x", "-C", CACHE],
      brotliDecompressSync(readFileSync(join(bin, `${part}.tar.br`))),
    );
  }
  writeFileSync(
    join(CACHE, "chromium"),
    brotliDecompressSync(readFileSync(join(bin, "chromium.br"))),
    { mode: 0o755 },
  );
  // The package's own configuration looks for fonts where AWS Lambda keeps them.
  writeFileSync(
    join(CACHE, "fonts.conf"),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>` +
      `<dir>${join(CACHE, "fonts")}</dir><dir>/usr/share/fonts</dir>` +
      `<cachedir>${join(CACHE, "fonts-cache")}</cachedir></fontconfig>\n`,
  );
  rmSync(archive);
  rmSync(join(CACHE, "package"), { recursive: true });
  writeFileSync(COMPLETE, "");
}

/** @returns {Chromium} */
function unpacked() {
  return {
    executablePath: join(CACHE, "chromium"),
    env: {
      FONTCONFIG_FILE: join(CACHE, "fonts.conf"),
      // NSS and expat, which a bare system lacks.
      LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, join(CACHE, "lib")]
        .filter(Boolean)
        .join(delimiter),
    },
  };
}

/**
 * @param {string} file
 * @returns {boolean}
 */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether the program starts. Ubuntu's `chromium-browser` may be a script that only says which
 * snap to install. Not asked on Windows, where `--version` opens a window.
 * @param {string} file
 * @returns {boolean}
 */
function runs(file) {
  if (process.platform === "win32") return true;
  return spawnSync(file, ["--version"], { stdio: "ignore", timeout: 10_000 }).status === 0;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Buffer} [input]
 */
function run(command, args, input = Buffer.alloc(0)) {
  // npm is a batch file on Windows, which only a shell starts.
  const shell = process.platform === "win32";
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    input,
    shell,
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}${error ?? ""}`);
  }
}
