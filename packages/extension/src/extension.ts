/**
 * The extension: the links it serves, one command service for all of them, and the keys it keeps.
 *
 * Opening it joins every stored link again ("Following connections"); `pair` adds one by a key that a
 * person pasted ("First connection").
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Clock, type CreateRtcPeer, realClock } from "@beeline/paths";
import { createWeriftPeer } from "@beeline/paths/werift";
import { type BeelineError, isShortKey, parseLinkKey } from "@beeline/protocol";
import { ExtensionLink, type LinkStatus } from "./links/extension-link.ts";
import { KeyStore } from "./links/key-store.ts";
import { watchNetwork } from "./links/network-watch.ts";
import { type Log, silentLog } from "./log.ts";
import type { CommandService } from "./service.ts";

export interface ExtensionOptions {
  readonly service: CommandService;
  /** Holds `links.json`, readable by its owner only. */
  readonly configDir: string;
  /** Shown to pages. */
  readonly name: string;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Joins stored links at this server, wherever they were made: the demo's own, on today's port. */
  readonly server?: string;
  /** Absent: werift. `undefined` given explicitly: never connect directly. */
  readonly createPeer?: CreateRtcPeer | undefined;
  onLink?(event: LinkEvent): void;
}

export interface LinkEvent {
  readonly server: string;
  readonly status: LinkStatus;
  readonly error: BeelineError | undefined;
}

export interface Extension {
  /** @throws {BeelineError} `LINK_KEY_MALFORMED`. What comes of it is told by `onLink`. */
  pair(server: string, key: string): void;
  links(): readonly { server: string; status: LinkStatus; clients: number }[];
  close(): Promise<void>;
}

const INSTALL_ID_BYTES = 16;

export async function openExtension(options: ExtensionOptions): Promise<Extension> {
  const keys = await KeyStore.open(
    join(options.configDir, "links.json"),
    randomBytes(INSTALL_ID_BYTES).toString("hex"),
  );
  const log = options.log ?? silentLog;
  const clock = options.clock ?? realClock;
  const createPeer = "createPeer" in options ? options.createPeer : createWeriftPeer;
  const links = new Set<ExtensionLink>();

  function open(server: string, text: string): void {
    const key = parseLinkKey(text);
    for (const link of links) {
      if (link.server === server && link.key === key) return;
    }
    const link: ExtensionLink = new ExtensionLink({
      server,
      key,
      name: options.name,
      installId: keys.installId,
      service: options.service,
      clock,
      createPeer,
      log,
      onRekey: (lasting) => store(keys.add({ server, key: lasting }), "keep the lasting key"),
      onKeyGone: (dead, error) => {
        log.warn({ server, code: error.code }, "the link key no longer exists; it was removed");
        store(keys.remove(dead), "remove the dead key");
      },
      onStatus: (status, error) => {
        if (status === "ended") links.delete(link);
        options.onLink?.({ server, status, error });
      },
    });
    links.add(link);
    if (!isShortKey(key)) store(keys.add({ server, key }), "keep the lasting key");
  }

  function store(writing: Promise<void>, purpose: string): void {
    writing.catch((error: Error) => log.warn({ reason: error.message }, `could not ${purpose}`));
  }

  for (const { server, key } of keys.links()) open(options.server ?? server, key);

  const unwatchNetwork = watchNetwork(clock, () => {
    for (const link of links) link.nudge();
  });

  return {
    pair: (server, key) => open(new URL(server).origin, key),
    links: () => [...links].map(({ server, status, clients }) => ({ server, status, clients })),
    close: async () => {
      unwatchNetwork();
      for (const link of links) link.close();
      links.clear();
      await Promise.all([options.service.close(), keys.settled()]);
    },
  };
}
