/** What the log of a busy server says, and what it never says. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import {
  ask,
  BeelinePeer,
  type Peer,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";

const TURN_SECRET = "what only coturn and the server know";
const RECORD = "RECORD-that-nobody-may-read";
const PROMPT = "a prompt that is nobody's business";
const INSTALLATION = "installation-0123456789";
const DIRECT = { capabilities: ["session/1", "direct/1"], installId: INSTALLATION };

/** In any spelling in which bytes get into a JSON line. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [secret, bytes.toString("hex"), base64, [...bytes].join(",")];
}

async function heardKey(peer: Peer, event: string): Promise<string> {
  return ((await peer.next(event)) as [{ key: string }])[0].key;
}

test("a busy server's log names links, peers and sessions, and holds no key, token, credential or record", async () => {
  const turn = { urls: ["turn:127.0.0.1:1"], secret: TURN_SECRET };
  const server = await startLinkServer({ turn });
  const secrets = [TURN_SECRET, RECORD, PROMPT, INSTALLATION];
  secrets.push((await readFile(join(server.dataDir, "server-secret"), "utf8")).trim());

  // Our own pair: joins, signals, relays, is refused, says nonsense.
  const own = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  const extension = new BeelinePeer(server, "extension");
  const { peerId: clientId } = await client.enter(own.key, DIRECT);
  const { peerId: extensionId } = await extension.enter(own.key, DIRECT);
  const lasting = await heardKey(client, "rekey");
  const [[ice]] = (await client.next("iceServers")) as [[{ credential: string; username: string }]];
  secrets.push(own.key, own.cookie.split("=")[1] ?? "", lasting, ice.credential);
  client.socket.emit("relay", extensionId, Buffer.from(RECORD));
  await extension.next("relay");
  extension.socket.emit("signal", clientId, { kind: "offer", sdp: RECORD });
  await client.next("signal");
  extension.socket.emit("report", { to: clientId, session: "0123abcd", path: "relay" });
  for (const nonsense of [{ [PROMPT]: 1 }, [lasting], PROMPT, null]) {
    for (const event of ["signal", "relay", "dialect", "report", "join"]) {
      client.socket.emit(event, nonsense, nonsense);
    }
  }
  const part = { event: "command", message: 1, last: true, bytes: Buffer.from(`{"p":"${PROMPT}`) };
  client.socket.emit("dialect", part);

  // A shipped pair.
  const shipped = await server.createInstance();
  const site = new ShippedPeer(server, "client");
  const sd = new ShippedPeer(server, "sd");
  await site.join(shipped.key);
  await sd.join(shipped.key);
  secrets.push(shipped.key, await heardKey(sd, "upgradeKey"));
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 1);
  const [siteId, sdId] = [site.socket.id, sd.socket.id];
  site.socket.emit("command", { id: "1", type: "image:txt2img", params: { prompt: PROMPT } });
  await sd.next("command");
  sd.socket.emit("command", PROMPT);

  // An account, tokens that do not hold, keys that do not exist.
  const account = await server.createAccountInstance();
  const forged = `${account.token.slice(0, -4)}AAAA`;
  const unknown = "e".repeat(128);
  secrets.push(account.key, account.token, forged, unknown);
  for (const token of [account.token, forged, "not a token"]) {
    const auth = { auth: { token } };
    await new BeelinePeer({ url: server.url }, "client", auth).join(account.key);
    const headers = { authorization: `Bearer ${token}` };
    await ask(server.url, "GET", "/api/link", { headers });
  }
  await new BeelinePeer(server, "extension").join(unknown);
  await new ShippedPeer(server, "sd").join(unknown);
  await ask(server.url, "POST", `/api/link?key=${lasting}`, { body: { id: lasting } });

  // A database that fails, and the end of a link.
  const db = new Database(join(server.dataDir, "beeline.db"));
  db.exec("ALTER TABLE instances RENAME TO away");
  await new BeelinePeer(server, "extension").join(lasting);
  await ask(server.url, "GET", "/api/link", { headers: { cookie: own.cookie } });
  db.exec("ALTER TABLE away RENAME TO instances");
  db.close();
  await ask(server.url, "DELETE", `/api/link?id=${own.id}`, { headers: { cookie: own.cookie } });
  await client.next("kicked");
  sd.socket.disconnect();
  await site.nextWhere("roomPresence", ({ sd }: { sd: number }) => sd === 0);

  const lines = server.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const [msg, id, peerId] of [
    ["peer joined", own.id, clientId],
    ["peer joined", own.id, extensionId],
    ["peer joined", shipped.id, siteId],
    ["peer left", shipped.id, sdId],
  ] as const) {
    expect(lines).toContainEqual(expect.objectContaining({ msg, instanceId: id, peerId }));
  }
  const ofSession = { instanceId: own.id, peerId: extensionId, clientId, session: "0123abcd" };
  expect(lines).toContainEqual(expect.objectContaining({ ...ofSession, path: "relay" }));
  const said = new Set(lines.map(({ msg }) => msg));
  for (const msg of ["link revoked", "join refused", "join failed", "event refused"]) {
    expect(said).toContain(msg);
  }
  expect(lines.filter(({ msg }) => /listening/i.test(String(msg)))).toHaveLength(1);

  const log = server.logged.join("");
  const found = secrets.flatMap((secret) => {
    // Six digits stand in longer numbers by chance; as a word of their own they do not.
    const isThere = (text: string) =>
      text.length === 6 ? new RegExp(`\\b${text}\\b`).test(log) : log.includes(text);
    return spellings(secret).filter(isThere);
  });
  expect(found).toEqual([]);
  expect(secrets.every((secret) => secret.length >= 6)).toBe(true);
});
