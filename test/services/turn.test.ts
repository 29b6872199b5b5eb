/** A real coturn with the documented configuration, and credentials that the link server mints. */

import { createHash, randomBytes } from "node:crypto";
import { connect } from "@beeline/client";
import { type CreateRtcPeer, loadSimplePeer, realClock } from "@beeline/paths";
import { createWeriftPeer } from "@beeline/paths/werift";
import type { IceServer } from "@beeline/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { startCoturn } from "../support/coturn.ts";
import { within } from "../support/deadline.ts";
import { drawUntil } from "../support/draw-until.ts";
import { LinkScene, pathOf } from "../support/link-scene.ts";
import { ask, BeelinePeer, startLinkServer } from "../support/link-server.ts";
import { TurnClient } from "../support/turn-client.ts";

const SECRET = "the secret that coturn and the link server share";
const DIRECT_MS = 20_000;
const DRAW_MS = 20_000;
const DIRECT = { capabilities: ["session/1", "direct/1"] };

const turnAt = (port: number, more: object = {}) => ({
  urls: [`turn:127.0.0.1:${port}?transport=udp`],
  secret: SECRET,
  ...more,
});

/** Lets an engine tell its relayed addresses only, and forgets the others. */
function relayedOnly(create: CreateRtcPeer): CreateRtcPeer {
  return (options, handlers) =>
    create(options, {
      ...handlers,
      onSignal(signal) {
        if (signal.kind === "candidate") {
          if (signal.candidate.candidate.includes(" typ relay")) handlers.onSignal(signal);
          return;
        }
        const lines = signal.sdp.split("\r\n");
        const kept = lines.filter((line) => !/^a=candidate:(?!.* typ relay)/.test(line));
        handlers.onSignal({ ...signal, sdp: kept.join("\r\n") });
      },
    });
}

/** What the link server gives a pair that could connect directly. */
async function mintedBy(options: Parameters<typeof startLinkServer>[0]): Promise<IceServer> {
  const server = await startLinkServer(options);
  const { key } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  await client.enter(key, DIRECT);
  await new BeelinePeer(server, "extension").enter(key, DIRECT);
  const [[turn]] = (await client.next("iceServers")) as [[IceServer]];
  return turn;
}

test("credentials come when both sides are there, and not to somebody who is alone", async () => {
  const server = await startLinkServer({ turn: turnAt(1), now: () => 1_000_000 });
  const { key } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  expect((await client.enter(key, DIRECT)).iceServers).toEqual([]);
  const relayOnly = new BeelinePeer(server, "client");
  await relayOnly.enter(key, { capabilities: ["session/1"] });
  expect(client.count("iceServers")).toBe(0);

  const extension = new BeelinePeer(server, "extension");
  await extension.enter(key, DIRECT);
  await extension.next("presence");
  expect(extension.story).toEqual(["ack", "rekey", "iceServers", "presence"]);
  const [[turn]] = (await client.next("iceServers")) as [[IceServer]];
  expect(turn).toEqual({
    urls: ["turn:127.0.0.1:1?transport=udp"],
    username: expect.stringMatching(/^1600:[0-9a-f]{20}$/),
    credential: expect.stringMatching(/^[A-Za-z0-9+/]{27}=$/),
  });
  expect(relayOnly.count("iceServers")).toBe(0);
  expect(server.logged.join("")).not.toContain(turn.credential);
});

test("credentials are renewed when half of their life is over, for those who still need them", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = { nowMs: 1_000_000 };
  const turn = turnAt(1, { lifetimeS: 60 });
  const server = await startLinkServer({ turn, now: () => clock.nowMs });
  const { key } = await server.createInstance();
  const client = new BeelinePeer(server, "client");
  const extension = new BeelinePeer(server, "extension");
  await client.enter(key, DIRECT);
  await extension.enter(key, DIRECT);
  const usernames = async (peer: BeelinePeer) =>
    ((await peer.next("iceServers")) as [[IceServer]])[0].map(({ username }) => username);
  const first = await Promise.all([client, extension].map(usernames));
  expect(first.flat()).toEqual([0, 1].map(() => expect.stringMatching(/^1060:/)));

  // The server looks every 15 s; after 29.999 s nothing is due, after 30 s both are.
  clock.nowMs += 29_999;
  vi.advanceTimersByTime(15_000);
  clock.nowMs += 1;
  vi.advanceTimersByTime(15_000);
  const second = await Promise.all([client, extension].map(usernames));
  expect(second.flat()).toEqual([0, 1].map(() => expect.stringMatching(/^1090:/)));
  expect(client.count("iceServers")).toBe(2);

  // Alone again: a fence after the next look has nothing new before it.
  const isOf = (size: number) => (room: { peers: unknown[] }) => room.peers.length === size;
  await client.nextWhere("presence", isOf(2));
  extension.socket.emit("leave");
  await client.nextWhere("presence", isOf(1));
  clock.nowMs += 30_000;
  vi.advanceTimersByTime(15_000);
  const [{ key: lasting }] = (await client.next("rekey")) as [{ key: string }];
  await client.enter(lasting, DIRECT);
  expect(client.count("iceServers")).toBe(2);
});

test("a user gets so many credentials an hour, and all users together so many", async () => {
  const limits = turnAt(1, { perUserHour: 3, perHour: 4 });
  const server = await startLinkServer({ turn: limits, now: () => 0 });
  const counts: number[] = [];
  for (let user = 0; user < 2; user++) {
    server.browser.cookie = undefined;
    for (let pair = 0; pair < 2; pair++) {
      const { key } = await server.createInstance();
      const client = new BeelinePeer(server, "client");
      const extension = new BeelinePeer(server, "extension");
      await client.enter(key, DIRECT);
      await extension.enter(key, DIRECT);
      await extension.next("presence");
      await client.next("rekey");
      await client.nextWhere("presence", ({ peers }: { peers: unknown[] }) => peers.length === 2);
      counts.push(client.count("iceServers") + extension.count("iceServers"));
    }
  }
  expect(counts).toEqual([2, 1, 1, 0]);
  const { body } = await ask(server.url, "GET", "/metrics");
  expect(body).toContain('beeline_limited_total{limit="turn-user"} 1');
  expect(body).toContain('beeline_limited_total{limit="turn-total"} 3');
});

test("coturn takes what the server minted, refuses what it did not, and forwards to no private place", async () => {
  const { port } = await startCoturn(SECRET);
  const turn = await mintedBy({ turn: turnAt(port) });
  const client = new TurnClient(port, turn);
  onTestFinished(() => client.close());
  expect(await client.allocate()).toBe(0);
  const refused = [
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
  ];
  for (const address of refused)
    expect([address, await client.permit(address)]).toEqual([address, 403]);
  // A permission sends nothing; this address is one of the internet's.
  expect(await client.permit("9.9.9.9")).toBe(0);

  const forged = new TurnClient(port, { ...turn, credential: "AAAA" });
  const expired = new TurnClient(
    port,
    await mintedBy({ turn: turnAt(port), now: () => 1_000_000 }),
  );
  for (const stranger of [forged, expired]) {
    onTestFinished(() => stranger.close());
    expect(await stranger.allocate()).toBe(401);
  }
});

test("coturn forwards to no private, loopback or metadata address of IPv6 either", async () => {
  const { port } = await startCoturn(SECRET, "--relay-ip", "::1");
  const client = new TurnClient(port, await mintedBy({ turn: turnAt(port) }));
  onTestFinished(() => client.close());
  expect(await client.allocate(6)).toBe(0);
  const refused = [
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "ff02::1",
  ];
  const answers = [];
  for (const address of refused) answers.push([address, await client.permit(address)]);
  expect(answers.filter(([, code]) => code !== 403)).toEqual([]);
  // Of the internet's.
  expect(await client.permit("2606:4700:4700::1111")).toBe(0);
});

test("a pair that can only meet at coturn gets its picture directly, over relayed candidates", async () => {
  // The relayed addresses of this test are on loopback, which the configuration rightly denies.
  const coturn = await startCoturn(
    SECRET,
    "--allowed-peer-ip",
    "127.0.0.1",
    "--allow-loopback-peers",
  );
  const createAnswerer = await loadSimplePeer();
  if (createAnswerer === undefined) throw new Error("type: npm install @roamhq/wrtc");
  const scene = await LinkScene.openEmpty({ createOfferer: relayedOnly(createWeriftPeer) });
  const server = await startLinkServer({ turn: turnAt(coturn.port) });
  const { id, key, cookie } = await server.createInstance();
  const extension = await scene.openExtension();
  extension.extension.pair(server.url, key);
  await extension.heard("active");
  const headers = { cookie };
  const listed = (await ask(server.url, "GET", "/api/link", { headers })).body as [{ key: string }];

  const link = await connect(
    { server: server.url, key: listed[0].key, clientId: randomBytes(16).toString("hex") },
    { clock: realClock, createPeer: relayedOnly(createAnswerer) },
  );
  onTestFinished(() => link.close(0).catch(() => {}));
  const params = { prompt: "a bee", width: 512, height: 512, steps: 2, seed: 7 };
  const { last } = await drawUntil(
    async () => {
      await pathOf(link, { kind: "direct" }, DIRECT_MS);
      const before = server.server.metrics().relayedBytes;
      const { images } = await within(DRAW_MS, "the picture", link.txt2img({ params }).result);
      const [image] = images;
      const relayed = server.server.metrics().relayedBytes - before;
      return { image, share: relayed / (image?.size ?? 0) };
    },
    ({ share }) => share < 0.1,
  );
  const { image } = last;
  expect(image && createHash("sha256").update(image.bytes).digest("hex")).toBe(image?.sha256);
  expect(last.share).toBeLessThan(0.1);

  await pathOf(link, { kind: "direct" }, DIRECT_MS);
  expect(coturn.process.output).toMatch(/CREATE_PERMISSION processed, success/);
  const metrics = async () => String((await ask(server.url, "GET", "/metrics")).body);
  await expect.poll(metrics).toContain('beeline_pairs{path="direct"} 1');
  expect(await metrics()).toMatch(
    /beeline_direct_attempts_total\{outcome="open",reason="\S+"\} [1-9]/,
  );
  const logged = server.logged.map((line) => JSON.parse(line));
  const session = expect.stringMatching(/^[0-9a-f]{8}$/);
  expect(logged).toContainEqual(
    expect.objectContaining({ instanceId: id, session, path: "direct" }),
  );
});
