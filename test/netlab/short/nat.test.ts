/**
 * The lab's routers are of the kind that they are called: recognised from inside as RFC 5780 does,
 * by who sees which outside port and who gets in, and compared with what theory was told of them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Host } from "../host.ts";
import { Lab, type Site } from "../lab.ts";
import { type Access, NAT_KINDS, type NatKind } from "../nat-kinds.ts";
import { policyOf } from "../nat-rules.ts";
import { type Arrival, DatagramAgent } from "../probes/datagrams.ts";

/** What public hosts listen on. */
const PORT = 7_000;
const OTHER_PORT = 7_001;

const KINDS = (Object.keys(NAT_KINDS) as NatKind[]).filter(
  (kind) => NAT_KINDS[kind].ipv4 !== undefined,
);

let lab: Lab;
/** Public hosts; nobody ever sends to the stranger, unless a test says so. */
let one: DatagramAgent;
let two: DatagramAgent;
let stranger: DatagramAgent;

async function agentOn(host: Host, ...ports: readonly number[]): Promise<DatagramAgent> {
  const agent = new DatagramAgent(host);
  for (const port of ports) await agent.open(port);
  return agent;
}

beforeAll(async () => {
  lab = await Lab.open();
  const hosts = [await lab.host("one"), await lab.host("two"), await lab.host("stranger")];
  [one, two, stranger] = (await Promise.all(
    hosts.map((host) => agentOn(host, PORT, OTHER_PORT)),
  )) as [DatagramAgent, DatagramAgent, DatagramAgent];
});
afterAll(async () => {
  await lab?.close();
});

/** Links deliver in order: once the answer to a ping is back, what was sent before it has arrived. */
function pinged(from: Host, to: Host): void {
  from.run("ping", "-c", "1", "-W", "2", to.urlHost("ipv4"));
}

/** Sends from inside, and gives how it looks at the other end; undefined if it did not get there. */
async function seen(
  from: DatagramAgent,
  fromPort: number,
  to: DatagramAgent,
  port = PORT,
): Promise<Arrival | undefined> {
  await to.forget();
  await from.send({ from: fromPort, to: to.host.urlHost("ipv4"), port });
  pinged(from.host, to.host);
  return (await to.flushed(port)).at(-1);
}

/** Measures what {@link NAT_KINDS} declares. */
async function recognise(inside: DatagramAgent): Promise<Access> {
  const port = await inside.open();
  const first = await seen(inside, port, one);
  if (first === undefined) {
    return { isMappingStable: true, filtering: "known-port", passesUdp: false };
  }
  const others = [await seen(inside, port, one, OTHER_PORT), await seen(inside, port, two)];
  const isMappingStable = others.every((other) => other?.port === first.port);

  // Another socket, that has spoken with one port of one host only.
  const quiet = await inside.open();
  const mapped = await seen(inside, quiet, one);
  await inside.forget();
  const to = { to: mapped?.from ?? "", port: mapped?.port ?? 0 };
  await one.send({ from: OTHER_PORT, ...to, first: 1 });
  await stranger.send({ from: PORT, ...to, first: 2 });
  for (const agent of [one, stranger]) pinged(inside.host, agent.host);
  const got = (await inside.flushed(quiet)).map(({ number }) => number);
  const filtering = got.includes(2) ? "mapped" : got.includes(1) ? "known-address" : "known-port";
  return { isMappingStable, filtering, passesUdp: true };
}

test.each(KINDS)("%s is recognised from inside", async (kind) => {
  const { host } = await lab.site(`k${KINDS.indexOf(kind)}`, kind);
  const { ipv4: declared } = NAT_KINDS[kind];
  // From inside, where everybody may send and where everybody may answer look alike.
  const filtering = declared?.filtering === "all" ? "mapped" : declared?.filtering;
  expect(await recognise(await agentOn(host))).toEqual({ ...declared, filtering });
});

describe("a usual home router", () => {
  let home: Site;
  let inside: DatagramAgent;
  beforeAll(async () => {
    home = await lab.site("home", "cone");
    inside = await agentOn(home.host);
  });

  test("keeps a port's number although a peer's packets came before its own", async () => {
    const port = await inside.open();
    const outside = home.router?.ipv4 ?? "";
    await stranger.send({ from: PORT, to: outside, port, count: 5 });
    pinged(stranger.host, two.host);
    expect(await seen(inside, port, stranger)).toMatchObject({ from: outside, port });
  });

  test("lets TCP through where UDP is blocked", async () => {
    const office = await lab.site("office", "udpBlocked");
    const answer = "a.on('data', (d) => { console.log(String(d)); a.destroy(); s.close(); })";
    const server = `const s = require('net').createServer((a) => { ${answer}; }).listen(7002, () => console.log('up'))`;
    const listening = one.host.spawn(process.execPath, ["-e", server]);
    const heard: string[] = [];
    const up = new Promise((resolve) =>
      listening.stdout?.on("data", (text) => resolve(heard.push(String(text)))),
    );
    const closed = new Promise((resolve) => listening.once("close", resolve));
    await up;
    const client = `require('net').connect(7002, '${one.host.ipv4}').end('through')`;
    office.host.run(process.execPath, "-e", client);
    await closed;
    expect(heard.join("")).toBe("up\nthrough\n");
  });

  test("forgets everything and has another address after it was rebound", async () => {
    const port = await inside.open();
    const before = await seen(inside, port, one);
    home.router?.rebind();
    await inside.forget();
    await one.send({ from: PORT, to: before?.from ?? "", port, first: 1 });
    expect(home.router?.ipv4).not.toBe(before?.from);
    await one.send({ from: PORT, to: home.router?.ipv4 ?? "", port, first: 2 });
    pinged(inside.host, one.host);
    expect(await inside.flushed(port)).toEqual([]);

    const after = await seen(inside, port, one);
    expect(after?.from).toBe(home.router?.ipv4);
    await one.send({ from: PORT, to: after?.from ?? "", port: after?.port ?? 0, first: 3 });
    expect((await inside.receives(1)).map(({ number }) => number)).toContain(3);
  });
});

test("a router lets nobody in over IPv6 whom its host has not asked", async () => {
  const { host } = await lab.site("six", "dualStack");
  const inside = await agentOn(host);
  const port = await inside.open(0, "udp6");
  const outside = 7_006;
  await Promise.all([one, stranger].map((agent) => agent.open(outside, "udp6")));
  const to = { to: host.ipv6 ?? "", port };
  await stranger.send({ from: outside, ...to, first: 1 });
  await inside.send({ from: port, to: one.host.ipv6 ?? "", port: outside });
  for (const agent of [one, stranger]) pinged(host, agent.host);
  await one.send({ from: outside, ...to, first: 2 });
  // Others are as unasked as before, although somebody is known now.
  await stranger.send({ from: outside, ...to, first: 3 });
  for (const agent of [one, stranger]) pinged(host, agent.host);
  expect((await inside.flushed(port, "::1")).map(({ number }) => number)).toEqual([2]);
});

test.each([true, false])(
  "behind one carrier, hairpin %s: neighbours reach each other or not",
  async (hairpin) => {
    const name = hairpin ? "y" : "n";
    const carrier = await lab.router(`${name}-c`, { policy: policyOf("cone", hairpin) });
    const families = { ipv4: true, ipv6: false };
    const [left, right] = (await Promise.all(
      ["l", "r"].map(async (side) => {
        const router = await lab.router(`${name}-${side}r`, { families }, carrier.customers);
        return agentOn(await lab.host(`${name}-${side}`, router));
      }),
    )) as [DatagramAgent, DatagramAgent];
    const ports = [await left.open(), await right.open()] as const;
    const outside = [await seen(left, ports[0], one), await seen(right, ports[1], one)] as const;
    expect(new Set(outside.map((arrival) => arrival?.from))).toEqual(new Set([carrier.ipv4]));

    // Both knock, as ICE does; the first knock opens the way for the second.
    for (let round = 0; round < 2; round++) {
      await left.send({ from: ports[0], to: carrier.ipv4 ?? "", port: outside[1]?.port ?? 0 });
      await right.send({ from: ports[1], to: carrier.ipv4 ?? "", port: outside[0]?.port ?? 0 });
    }
    for (const agent of [left, right]) pinged(agent.host, one.host);
    const got = [await left.flushed(ports[0]), await right.flushed(ports[1])];
    expect(got.map((arrivals) => arrivals.length > 0)).toEqual([hairpin, hairpin]);
    if (hairpin)
      expect(new Set(got.flat().map(({ from }) => from))).toEqual(new Set([carrier.ipv4]));
  },
);
