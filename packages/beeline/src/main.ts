/** The `beeline` command: reads its arguments and hands over. Errors end here, in plain words. */

import { BeelineError } from "@beeline/protocol";
import { Command } from "commander";
import { demoCommand } from "./commands/demo.ts";
import { extensionCommand } from "./commands/extension.ts";
import { serverCommand } from "./commands/server.ts";
import { VERSION } from "./version.ts";

// Whoever read our output has gone, which is no reason to stop: what matters is in the log.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const program = new Command("beeline")
  .description("Use your own Stable Diffusion from any page and any device.")
  .version(VERSION)
  .showHelpAfterError()
  .addCommand(demoCommand())
  .addCommand(serverCommand())
  .addCommand(extensionCommand());

program.parseAsync().catch((thrown: unknown) => {
  process.stderr.write(`beeline: ${explain(thrown)}\n`);
  process.exit(1);
});

function explain(thrown: unknown): string {
  if (thrown instanceof BeelineError) return `${thrown.detail}. ${thrown.remedy}`;
  const error = thrown as NodeJS.ErrnoException;
  if (error.code === "EADDRINUSE") return "that port is in use; choose another with --port.";
  if (error.code === "EACCES") return "that port needs more rights; choose one above 1023.";
  return error.message ?? String(thrown);
}
