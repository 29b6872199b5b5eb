/**
 * The extension: the links it serves, one command service for all of them, and the keys it keeps.
 *
 * Opening it joins every stored link again ("Following connections"); `pair` adds one by a key that a
 * person pasted ("First connection").
 */

import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Clock, type CreateRtcPeer, realClock } from "@beeline/paths";
import { BeelineError, isShortKey, parseLinkKey } from "@beeline/protocol";
import { ExtensionLink, type LinkStatus } from "./links/extension-link.ts";
import { KeyStore } from "./links/key-store.ts";
import { watchKeys } from "./links/key-watch.ts";
import { watchNetwork } from "./links/network-watch.ts";
import { type Log, silentLog } from "./log.ts";
import type { Right, Rights } from "./rights.ts";
import { createPeerBy, DEFAULT_RTC_ENGINE } from "./rtc-engine.ts";
import type { CommandService } from "./service.ts";

export interface ExtensionOptions {
  readonly service: CommandService;
  /** Holds `links.json`, readable by its owner only. */
  readonly configDir: string;
  /** Shown to pages. */
  readonly name: string;
  /** Kept as the stored links have it. Absent: every link may do everything. */
  readonly rights?: Rights;
  /** What links may do for which nobody has decided. */
  readonly undecided?: readonly Right[];
  readonly log?: Log;
  readonly clock?: Clock;
  /** Joins stored links at this server, wherever they were made: the demo's own, on today's port. */
  readonly server?: string;
  /** Absent: that of DEFAULT_RTC_ENGINE. `undefined` given explicitly: never connect directly. */
  readonly createPeer?: CreateRtcPeer | undefined;
  onLink?(event: LinkEvent): void;
}

export interface LinkEvent {
  readonly server: string;
  readonly status: LinkStatus;
  readonly error: BeelineError | undefined;
}

export interface Extension {
  /**
   * @param allow what the link's pages may do; absent: undecided.
   * @throws {BeelineError} `LINK_KEY_MALFORMED`. What comes of it is told by `onLink`.
   */
  pair(server: string, key: string, allow?: readonly Right[]): void;
  links(): readonly { id: string; server: string; status: LinkStatus; clients: number }[];
  close(): Promise<void>;
}

const INSTALL_ID_BYTES = 16;
const KEY_FILE = "links.json";

export async function openExtension(options: ExtensionOptions): Promise<Extension> {
  const keys = await KeyStore.open(
    join(options.configDir, KEY_FILE),
    randomBytes(INSTALL_ID_BYTES).toString("hex"),
  );
  const log = options.log ?? silentLog;
  const clock = options.clock ?? realClock;
  const createPeer =
    "createPeer" in options ? options.createPeer : createPeerBy(DEFAULT_RTC_ENGINE);
  const links = new Set<ExtensionLink>();

  function open(server: string, text: string, id: string, allow?: readonly Right[]): void {
    const key = parseLinkKey(text);
    for (const link of links) {
      if (link.server === server && link.key === key) return;
    }
    options.rights?.give(id, allow ?? options.undecided ?? []);
    const stored = (lasting: string) => ({
      server,
      key: lasting,
      id,
      ...(allow && { allow: [...allow] }),
    });
    const link: ExtensionLink = new ExtensionLink({
      server,
      key,
      id,
      name: options.name,
      installId: keys.installId,
      service: options.service,
      clock,
      createPeer,
      log,
      onRekey: (lasting) => store(keys.add(stored(lasting)), "keep the lasting key"),
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
    if (!isShortKey(key)) store(keys.add(stored(key)), "keep the lasting key");
  }

  /** Somebody changed the stored links beside us: ended some, or what they may do. */
  async function follow(): Promise<void> {
    const before = new Map(keys.links().map((link) => [link.id, link]));
    await keys.reload();
    const now = new Map(keys.links().map((link) => [link.id, link]));
    for (const link of [...links]) {
      const kept = now.get(link.id);
      if (kept?.allow !== undefined && kept.allow.join() !== before.get(link.id)?.allow?.join()) {
        options.rights?.give(link.id, kept.allow);
        log.info({ link: link.id, allow: kept.allow }, "the owner changed what a link may do");
      }
      if (kept !== undefined || !before.has(link.id)) continue;
      links.delete(link);
      options.rights?.takeAll(link.id);
      link.close();
      const error = new BeelineError("LINK_REVOKED", "the link was ended on this machine");
      options.onLink?.({ server: link.server, status: "ended", error });
    }
  }

  function store(writing: Promise<void>, purpose: string): void {
    writing.catch((error: Error) => log.warn({ reason: error.message }, `could not ${purpose}`));
  }

  for (const { server, key, id, allow } of keys.links()) {
    open(options.server ?? server, key, id, allow);
  }
  const unwatchKeys = watchKeys(
    options.configDir,
    KEY_FILE,
    () => store(follow(), "follow a change of the links"),
    (reason) => log.warn({ reason }, "changes of the links are followed at the next start only"),
  );
  const unwatchNetwork = watchNetwork(clock, (hasLost) => {
    for (const link of links) link.onNetworkChange(hasLost);
  });

  return {
    pair: (server, key, allow) => open(new URL(server).origin, key, randomUUID(), allow),
    links: () =>
      [...links].map(({ id, server, status, clients }) => ({ id, server, status, clients })),
    close: async () => {
      unwatchNetwork();
      unwatchKeys();
      for (const link of links) link.close();
      links.clear();
      await Promise.all([options.service.close(), keys.settled()]);
    },
  };
}
