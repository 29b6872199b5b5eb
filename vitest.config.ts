/**
 * How tests are found and run.
 *
 * Each project is one kind of proof, from the cheapest to the dearest. Packages resolve to their
 * sources by the "@beeline/source" condition, so no test needs a build, except that `e2e` serves
 * the built page, which `npm test` builds first. Groups of projects run one after the other; those
 * that drive a browser or need both cores run file after file: a suite that starves another for
 * processor time makes tests fail for no reason a reader could find. What takes minutes is in a
 * project whose name opens with "long-", which `npm test` leaves out.
 *
 * Run one file:    npx vitest run packages/server/src/rooms.test.ts
 * Run one project: npx vitest run --project unit
 */

import { defineConfig } from "vitest/config";
import { absentServices } from "./scripts/services.mjs";
import { whyNot } from "./test/netlab/why-not.ts";

/** Ours first, then what vite would have used for code that runs in Node. */
const conditions = ["@beeline/source", "node", "import", "module", "default"];

/** Vitest hands these to Node as well, where `import` would make `require` load ES modules. */
const nodeConditions = ["@beeline/source", "node"];

/** A unit test waits for nothing outside its process but loopback. */
const UNIT_TIMEOUT_MS = 10_000;
/** Real WebRTC gathers, connects and repeats lost packets; on two busy cores that takes seconds. */
const INTEROP_TIMEOUT_MS = 30_000;
/** Databases and several server processes start, and dead ones are noticed after seconds. */
const SERVICES_TIMEOUT_MS = 60_000;
/** A browser starts, a page loads, a picture is drawn and arrives. */
const E2E_TIMEOUT_MS = 90_000;
/** 100 MB at 20 Mbit/s take 40 s, and a network is dark for a while besides. */
const CHAOS_TIMEOUT_MS = 180_000;
/** A browser starts, an extension starts, and an attempt to connect may fail for twelve seconds. */
const NETLAB_TIMEOUT_MS = 90_000;

/** What `expect.poll` waits for is there at once; its own second is too short for two busy cores. */
const POLL_MS = 5_000;
/** The same where a browser, a database or a network is part of it: it only lengthens failures. */
const slowPoll = { poll: { timeout: 20_000 } };

/** Vitest leaves a core free, which on two cores is every second one: 188 s instead of 92. */
const WORKERS = 2;

const silence = "./test/support/silence.ts";

/** Without them a developer's run names what it skips; CI's must not skip anything. */
const HAS_SERVICES = process.env.CI !== undefined || absentServices().length === 0;
/** The same for the network lab, which needs root. */
const HAS_LAB = process.env.CI !== undefined || whyNot() === undefined;

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: nodeConditions, externalConditions: nodeConditions } },
  test: {
    reporters: ["default", "./test/support/count-reporter.ts"],
    maxWorkers: WORKERS,
    expect: { poll: { timeout: POLL_MS } },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.{ts,tsx}", "bench/**/*.test.ts"],
          setupFiles: [silence],
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: { name: "repo", include: ["test/*.test.ts"], testTimeout: UNIT_TIMEOUT_MS },
      },
      {
        extends: true,
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts", "test/fuzz/**/*.test.ts"],
          setupFiles: [silence],
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          setupFiles: [silence],
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          expect: slowPoll,
          testTimeout: INTEROP_TIMEOUT_MS,
          hookTimeout: INTEROP_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "services",
          include: HAS_SERVICES ? ["test/services/**/*.test.ts"] : ["test/services/absent.ts"],
          sequence: { groupOrder: 1 },
          expect: slowPoll,
          testTimeout: SERVICES_TIMEOUT_MS,
          hookTimeout: SERVICES_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts", "test/chaos/short/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          expect: slowPoll,
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "long-chaos",
          include: ["test/chaos/**/*.test.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          expect: slowPoll,
          testTimeout: CHAOS_TIMEOUT_MS,
          hookTimeout: CHAOS_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "netlab",
          include: HAS_LAB ? ["test/netlab/short/**/*.test.ts"] : ["test/netlab/short/absent.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 4 },
          expect: slowPoll,
          testTimeout: NETLAB_TIMEOUT_MS,
          hookTimeout: NETLAB_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "long-netlab",
          include: HAS_LAB ? ["test/netlab/**/*.test.ts"] : ["test/netlab/short/absent.ts"],
          // Cells wait more than they work; each that starts takes a core for two seconds.
          maxConcurrency: 4,
          fileParallelism: false,
          sequence: { groupOrder: 5 },
          expect: slowPoll,
          testTimeout: NETLAB_TIMEOUT_MS,
          hookTimeout: NETLAB_TIMEOUT_MS,
        },
      },
    ],
  },
});
