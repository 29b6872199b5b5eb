/** Who gets in by a short key, over real sockets; and how guessing is limited, with a fake clock. */

import type { Presence } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  ask,
  BeelinePeer,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";
import { ShortKeyGuard } from "./admission.ts";
import { networkOf } from "./ip-address.ts";
import { LocalRooms } from "./room-directory.ts";
import type { Instance } from "./store.ts";

const FOUND = {} as Instance;
const MINUTE_MS = 60_000;

function guardAt(clock: { nowMs: number }) {
  const waits: number[] = [];
  const limits: string[] = [];
  const guard = new ShortKeyGuard({
    rooms: new LocalRooms(() => clock.nowMs),
    wait: async (ms) => void waits.push(ms),
    onLimited: (limit) => limits.push(limit),
  });
  const fail = (address: string) =>
    guard
      .lookUp(address, async () => undefined)
      .then(
        () => "looked",
        () => "refused",
      );
  return { guard, fail, waits, limits };
}

test("ten failures of one address are looked up, then one a minute; what succeeds costs nothing", async () => {
  const clock = { nowMs: 0 };
  const { guard, fail } = guardAt(clock);
  for (let i = 0; i < 100; i++) expect(await guard.lookUp("a", async () => FOUND)).toBe(FOUND);
  const answers = [];
  for (let i = 0; i < 12; i++) answers.push(await fail("a"));
  expect(answers).toEqual([...Array<string>(10).fill("looked"), "refused", "refused"]);
  clock.nowMs += MINUTE_MS;
  expect([await fail("a"), await fail("a")]).toEqual(["looked", "refused"]);
});

test("many addresses together are slowed, and nobody is locked out", async () => {
  const clock = { nowMs: 0 };
  const { guard, fail, waits, limits } = guardAt(clock);
  for (let i = 0; i < 300; i++) await fail(`bot ${i}`);
  expect(waits).toEqual([]);

  expect(await guard.lookUp("a person", async () => FOUND)).toBe(FOUND);
  expect(waits).toEqual([2_000]);
  // A failure costs five times as much now: two, and no third.
  expect([await fail("bot"), await fail("bot"), await fail("bot")]).toEqual([
    "looked",
    "looked",
    "refused",
  ]);
  expect(limits).toContain("short-key-total");
  clock.nowMs += MINUTE_MS;
  await fail("later");
  expect(waits).toHaveLength(3);
});

test.each([
  ["an IPv6 site", (i: number) => `2001:db8:1:${i.toString(16)}::1`, 100, "2001:db8:2::1"],
  ["an IPv4 /24", (i: number) => `192.0.2.${i % 256}`, 100, "192.0.3.1"],
  ["an IPv6 provider", (i: number) => `2001:db8:${i.toString(16)}::1`, 440, "2001:db9::1"],
])("all addresses of %s share a limit, and nobody else", async (_what, address, limit, other) => {
  const { fail, limits } = guardAt({ nowMs: 0 });
  const answers = [];
  // Of a provider's thousand, 300 are looked up while all is calm, and the rest costs five times as much.
  for (let i = 0; i < limit + 20; i++) answers.push(await fail(networkOf(address(i))));
  expect(answers).toEqual([...Array(limit).fill("looked"), ...Array(20).fill("refused")]);
  expect(limits.at(-1)).toBe("short-key-network");
  expect(await fail(networkOf(other))).toBe("looked");
});

test("a client of ours enters by a short key only with the owner's cookie", async () => {
  const server = await startLinkServer();
  const mine = await server.createInstance();
  const { url } = server;
  server.browser.cookie = undefined;
  await server.createInstance();

  const stranger = new BeelinePeer({ url }, "client");
  expect(await stranger.join(mine.key)).toMatchObject({
    ok: false,
    retry: true,
    error: { code: "UNAUTHORIZED" },
  });
  const other = new BeelinePeer(server, "client");
  expect(await other.join(mine.key)).toMatchObject({ ok: false });
  const owner = new BeelinePeer({ url, browser: mine }, "client");
  expect(await owner.join(mine.key)).toMatchObject({ ok: true });

  const extension = new BeelinePeer(server, "extension");
  await extension.enter(mine.key);
  const [{ key: lasting }] = (await extension.next("rekey")) as [{ key: string }];
  expect(stranger.count("rekey") + other.count("rekey")).toBe(0);
  expect(await stranger.join(lasting)).toMatchObject({ ok: true });
});

/** A shipped browser at another address of this machine. */
function browserAt(server: { url: string }, localAddress: string): ShippedPeer {
  return new ShippedPeer(server, "client", { localAddress } as object);
}

test("of shipped browsers, which prove nothing, the first one enters by a short key", async () => {
  const server = await startLinkServer();
  const { key } = await server.createInstance();
  const first = browserAt(server, "127.0.0.1");
  const second = browserAt(server, "127.0.0.2");
  expect(await first.join(key)).toMatchObject({ success: true });
  expect(await second.join(key)).toMatchObject({ success: false });

  // Not even after the first one left; but that one comes back.
  first.socket.disconnect();
  expect(await second.join(key)).toMatchObject({ success: false });
  await expect
    .poll(async () => (await browserAt(server, "127.0.0.1").join(key)).success, { interval: 50 })
    .toBe(true);
  expect(second.count("kicked")).toBe(0);

  const sd = new ShippedPeer(server, "sd");
  await sd.join(key);
  await sd.next("upgradeKey");
  expect(second.count("upgradeKey")).toBe(0);
});

test("a neighbour behind the same address takes the place of a browser only if that one is dead", async () => {
  const server = await startLinkServer();
  const place = async () => {
    const { key, id } = await server.createInstance();
    const owner = new BeelinePeer(server, "client");
    await owner.enter(key);
    const first = new ShippedPeer(server, "client");
    await first.join(key);
    return { key, id, owner, first };
  };
  const [alive, dead] = [await place(), await place()];
  (dead.first.socket.io.engine.transport as unknown as { ws: { pause(): void } }).ws.pause();
  for (const { key } of [alive, dead]) {
    const neighbour = new ShippedPeer(server, "client");
    expect(await neighbour.join(key)).toMatchObject({ success: false });
    // It is to try again by itself, which shipped pages do after a cut and never after an answer.
    expect(await neighbour.next("disconnect")).toContain("transport close");
    expect(neighbour.count("kicked") + neighbour.count("upgradeKey")).toBe(0);
  }
  await dead.owner.nextWhere("presence", ({ peers }: Presence) => peers.length === 2);
  await dead.owner.nextWhere("presence", ({ peers }: Presence) => peers.length === 1);
  expect(await new ShippedPeer(server, "client").join(dead.key)).toMatchObject({ success: true });

  const sd = new ShippedPeer(server, "sd");
  await sd.join(alive.key);
  await alive.first.next("upgradeKey");
  await alive.first.nextWhere(
    "roomPresence",
    ({ client, sd }: { client: number; sd: number }) => client === 2 && sd === 1,
  );
  expect(alive.first.count("disconnect")).toBe(0);
});

test("a shipped page on the server's own site proves itself by its cookie, beside a guest", async () => {
  const server = await startLinkServer();
  const { key, cookie } = await server.createInstance();
  expect(await browserAt(server, "127.0.0.2").join(key)).toMatchObject({ success: true });
  const owner = new ShippedPeer(server, "client", { extraHeaders: { cookie } });
  expect(await owner.join(key)).toMatchObject({ success: true });
});

test("the owner sees who is there and who was at the pairing; nobody else does", async () => {
  const server = await startLinkServer({ now: () => Date.UTC(2026, 0, 2) });
  const { id, key, cookie } = await server.createInstance();
  const guest = browserAt(server, "127.0.0.2");
  await guest.join(key);
  const extension = new BeelinePeer(server, "extension");
  await extension.enter(key, { name: "desktop" });
  guest.socket.disconnect();
  await extension.nextWhere("presence", ({ peers }: { peers: unknown[] }) => peers.length === 1);

  const path = `/api/link/${id}/peers`;
  const since = "2026-01-02T00:00:00.000Z";
  const desktop = {
    role: "extension",
    kind: "beeline",
    name: "desktop",
    address: "127.0.0.1",
    isOwner: false,
    since,
  };
  const visitor = { ...desktop, role: "client", kind: "shipped", name: "", address: "127.0.0.2" };
  expect((await ask(server.url, "GET", path, { headers: { cookie } })).body).toEqual({
    peers: [desktop],
    pairing: { at: since, peers: [visitor, desktop] },
  });
  expect((await ask(server.url, "GET", path)).status).toBe(404);
});
