/**
 * What the tree promises about itself, as pure functions from a file to complaints.
 *
 * Project references and lint rules do not hold these: a workspace link lets any package import any
 * other, and npm's hoisting lets it import what it never declared. A complaint is one sentence that
 * says what to do. The rules look at text, not at types: a determined author can get round them,
 * an absent-minded one cannot.
 */
import { posix } from "node:path";

/** A file of the tree: its path from the root, with forward slashes, and its text. */
export type SourceFile = { readonly path: string; readonly text: string };

/** A promise: its name as a sentence, and what breaks it in one file. */
export type Rule = { readonly name: string; readonly check: (file: SourceFile) => string[] };

/** Which of our packages each package may import; the arrows of ARCHITECTURE.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  sctp: [],
  paths: ["protocol", "sctp"],
  server: ["protocol"],
  client: ["protocol", "paths"],
  extension: ["protocol", "paths"],
  web: ["protocol", "client"],
  beeline: ["protocol", "server", "extension", "web"],
};

/**
 * Doors besides each package's root: engines that only one side needs, and the built page, which is
 * files on disk.
 */
const SIDE_DOORS = [
  "@beeline/paths/data-peer",
  "@beeline/paths/memory",
  "@beeline/paths/werift",
  "@beeline/web/page",
];

/** A file that a reader takes in at one sitting. A longer one has two jobs. */
const MAX_LINES = 400;

const SOURCE = /\.(ts|tsx|mjs)$/;
const TEST = /\.test\.tsx?$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/;
const EMPTY_NAMES = /(^|[-/.])(utils?|helpers?|common|misc|managers?|stuff)(?=[-/.])/;
const EMPTY_IDENTIFIERS =
  /\b(?:class|function|interface|type|const)\s+(\w*(?:Manager|Helpers?|Utils?))\b/g;

/** What may not be written, where, and what to write instead. */
const BANNED: ReadonlyArray<{ where: RegExp; pattern: RegExp; instead: string }> = [
  ...[
    { pattern: /\bMath\s*\.\s*random\b/, instead: "take a random number as an argument" },
    {
      pattern: /\bDate\s*\.\s*now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\b/,
      instead: "take `nowMs` as an argument",
    },
    {
      pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
      instead: "return when to wake, and let the caller own the timer",
    },
    {
      pattern: /["']node:|\bprocess\s*\.|\bglobalThis\b/,
      instead: "run on any engine: no Node, no globals",
    },
    {
      pattern: /\bfetch\s*\(|\bXMLHttpRequest\b|\bWebSocket\b/,
      instead: "leave input and output to the packages above",
    },
  ].map((ban) => ({ ...ban, where: /^packages\/(protocol|sctp)\/src\/(?!.*\.test\.)/ })),
  {
    where: /^packages\/[^/]+\/src\/(?!.*\.test\.)/,
    pattern: /\bconsole\s*\./,
    instead: "use the logger that is passed in",
  },
  { where: SOURCE, pattern: /\bas any\b|<any>|:\s*any\b/, instead: "use `unknown` and check it" },
  { where: TEST, pattern: /\b(test|it|describe)\.only\b/, instead: "let the whole file run" },
];

/** Not code, so looked for in comments as well. */
const BANNED_IN_COMMENTS: ReadonlyArray<{ pattern: RegExp; instead: string }> = [
  { pattern: /@ts-(ignore|nocheck|expect-error)\b/, instead: "make the types true" },
  { pattern: /\b(TODO|FIXME|XXX)\b/, instead: "do it, or open an issue" },
];

/** The code of a file with its comments blanked out; strings stay. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/.*|\/\*[\s\S]*?\*\//g,
    (_match, string: string | undefined) => string ?? " ",
  );
}

/** Every module that a file names in an import or an export. */
export function importsOf(text: string): string[] {
  // Not after a dot: `Buffer.from("…")` names no module.
  const named = /(?<![.\w])(?:from\s*|import\s*\(?\s*)["']([^"'\n]+)["']/g;
  return Array.from(withoutComments(text).matchAll(named), ([, specifier = ""]) => specifier);
}

/** `packages/client/src/api.ts` → `client`; undefined outside packages. */
function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

const importDirection: Rule = {
  name: "packages import one another in one direction only",
  check: ({ path, text }) => {
    const from = packageOf(path);
    if (from === undefined) return [];
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined)
      return [`${from} is a new package: say in MAY_IMPORT what it may import`];
    return importsOf(text).flatMap((specifier) => {
      const to = /^@beeline\/([^/]+)/.exec(specifier)?.[1];
      if (to === undefined || allowed.includes(to)) return [];
      return [`imports ${specifier}, but ${from} may import only ${list(allowed)}: move the code`];
    });
  },
};

const oneDoor: Rule = {
  name: "a package is entered by its root only",
  check: ({ path, text }) =>
    importsOf(text).flatMap((specifier) => {
      if (/^@beeline\/[^/]+\/./.test(specifier) && !SIDE_DOORS.includes(specifier)) {
        return [`imports ${specifier}: export what you need from that package's src/index.ts`];
      }
      if (!specifier.startsWith(".")) return [];
      const target = posix.join(posix.dirname(path), specifier);
      const to = packageOf(target);
      if (to === undefined || to === packageOf(path)) return [];
      return [`reaches into packages/${to} by a relative path: import @beeline/${to}`];
    }),
};

const noBannedWords: Rule = {
  name: "the core is pure, and nothing silences a check",
  check: ({ path, text }) => {
    const code = withoutComments(text);
    return [
      ...BANNED.filter(({ where }) => where.test(path)).map((ban) => ({ ...ban, text: code })),
      ...BANNED_IN_COMMENTS.map((ban) => ({ ...ban, text })),
    ].flatMap(({ pattern, instead, text: searched }) => {
      const found = pattern.exec(searched)?.[0];
      return found === undefined ? [] : [`has \`${found}\`: ${instead}`];
    });
  },
};

const fileLength: Rule = {
  name: `no file is longer than ${MAX_LINES} lines`,
  check: ({ text }) => {
    const lines = text.split("\n").length - 1;
    return lines <= MAX_LINES ? [] : [`has ${lines} lines: split it by the jobs it does`];
  },
};

const headerComment: Rule = {
  name: "every source file opens with a comment that says what it is",
  check: ({ path, text }) => {
    if (TEST.test(path) || /^(#!.*\n)?\/\*\*?\s/.test(text)) return [];
    return ["opens without a block comment: say what it is, its invariant, what it does not do"];
  },
};

const names: Rule = {
  name: "names say what a thing is",
  check: ({ path, text }) => {
    const complaints: string[] = [];
    if (!KEBAB_CASE.test(posix.basename(path))) complaints.push("is not named in kebab-case");
    const empty = EMPTY_NAMES.exec(path)?.[2];
    if (empty !== undefined) complaints.push(`is named "${empty}": name the noun it defines`);
    for (const [, identifier] of withoutComments(text).matchAll(EMPTY_IDENTIFIERS)) {
      complaints.push(`declares ${identifier}: name what it does`);
    }
    return complaints;
  },
};

/** Every rule that a single file can break. */
export const RULES: readonly Rule[] = [
  importDirection,
  oneDoor,
  noBannedWords,
  fileLength,
  headerComment,
  names,
];

/** The part of a package.json that says what the package may import. */
export type Manifest = {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
};

/**
 * What a file imports without its package having declared it. `root` is the workspace's manifest:
 * tests may use what it names, shipped code may not. The page ships as a bundle, so its
 * devDependencies count.
 */
export function undeclaredImports(file: SourceFile, own: Manifest, root: Manifest): string[] {
  const isShipped = !TEST.test(file.path) && own.name !== "@beeline/web";
  const declared = new Set([
    own.name,
    ...Object.keys({ ...own.dependencies, ...own.optionalDependencies }),
    ...(isShipped ? [] : Object.keys({ ...own.devDependencies, ...root.devDependencies })),
  ]);
  return importsOf(file.text).flatMap((specifier) => {
    if (/^(\.|#|node:)/.test(specifier)) return [];
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
    return declared.has(name) ? [] : [`imports ${name}: add it to the dependencies of ${own.name}`];
  });
}

function list(packages: readonly string[]): string {
  return packages.length === 0 ? "none of ours" : packages.join(", ");
}
