/** `beeline extension status`, `allow` and `unlink`: what is kept of links, running or not. */

import { join } from "node:path";
import { KeyStore, RIGHTS, type Right, type StoredLink } from "@beeline/extension";
import { BeelineError } from "@beeline/protocol";
import { Command } from "commander";
import { foldersFor } from "../folders.ts";
import { parseRights, rootOption } from "../options.ts";
import { RunningFile } from "../running.ts";
import { UNASKED_RIGHTS } from "../wizard.ts";

interface Flags {
  readonly home?: string;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

export function statusCommand(): Command {
  return new Command("status")
    .description("show the links of this machine and what they may do")
    .addOption(rootOption)
    .action(async (_flags: Flags, command: Command) => {
      const folders = foldersFor(homeOf(command));
      const running = await new RunningFile(folders.data).read();
      say(
        running === undefined
          ? "The extension does not run."
          : `The extension runs since ${running.since} (process ${running.pid}) with ${running.renderer}.`,
      );
      const links = (await openStore(folders.config)).links();
      if (links.length === 0) say("There are no links.");
      for (const [index, { id, server, allow = UNASKED_RIGHTS }] of links.entries()) {
        const live = running?.links.find((link) => link.id === id);
        const state = live === undefined ? "" : `  ${live.status}, ${live.clients} linked`;
        say(`${index + 1}  ${server}${state}  may ${allow.join(", ") || "nothing"}`);
      }
    });
}

export function allowCommand(): Command {
  return new Command("allow")
    .description("set what a link may do; a running extension follows at once")
    .argument("<number>", "the link's number in the status")
    .argument("<rights>", `of ${RIGHTS.join(", ")}, with commas between; or none`, parseRights)
    .addOption(rootOption)
    .action(async (number: string, allow: readonly Right[], _flags: Flags, command: Command) => {
      const store = await openStore(foldersFor(homeOf(command)).config);
      const link = linkAt(store, number);
      await store.add({ ...link, allow: [...allow] });
      say(`Link ${number} (${link.server}) may now ${allow.join(", ") || "do nothing"}.`);
    });
}

export function unlinkCommand(): Command {
  return new Command("unlink")
    .description("end a link on this machine; a running extension follows at once")
    .argument("<number>", "the link's number in the status")
    .addOption(rootOption)
    .action(async (number: string, _flags: Flags, command: Command) => {
      const store = await openStore(foldersFor(homeOf(command)).config);
      const { server, key } = linkAt(store, number);
      await store.remove(key);
      say(`The link through ${server} is ended on this machine. Delete it on the page as well.`);
    });
}

/** Commander gives an option that both have to the command above. */
function homeOf(command: Command): string | undefined {
  return command.optsWithGlobals<Flags>().home;
}

/** The stored links. */
export function openStore(configDir: string): Promise<KeyStore> {
  return KeyStore.open(join(configDir, "links.json"), "0".repeat(32));
}

function linkAt(store: KeyStore, number: string): StoredLink {
  const link = store.links()[Number(number) - 1];
  if (link !== undefined) return link;
  throw new BeelineError(
    "LINK_KEY_UNKNOWN",
    `there is no link ${number}; see beeline extension status`,
  );
}
