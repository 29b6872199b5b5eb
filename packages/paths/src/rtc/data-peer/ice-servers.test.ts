import { expect, test } from "vitest";
import { hostAddresses } from "./host-addresses.ts";
import { readIceServers } from "./ice-servers.ts";

test("several servers of each kind are read, with their ports and transports", () => {
  const account = { username: "u", credential: "c" };
  expect(
    readIceServers([
      { urls: ["stun:one.example", "stun:[2001:db8::1]:3479"] },
      { urls: ["turn:two.example:80?transport=tcp", "turns:three.example"], ...account },
      { urls: "TURN:four.example?transport=udp", ...account },
    ]),
  ).toEqual({
    stun: [
      { host: "one.example", port: 3_478 },
      { host: "2001:db8::1", port: 3_479 },
    ],
    turn: [
      { host: "two.example", port: 80, transport: "tcp", username: "u", password: "c" },
      { host: "three.example", port: 5_349, transport: "tls", username: "u", password: "c" },
      { host: "four.example", port: 3_478, transport: "udp", username: "u", password: "c" },
    ],
  });
});

test("what cannot be used is left out, and more than four of a kind", () => {
  const { stun, turn } = readIceServers([
    { urls: ["stuns:tls.example", "http://web.example", "stun:", "turn:no-account.example"] },
    { urls: Array.from({ length: 9 }, (_, number) => `stun:host-${number}`) },
  ]);
  expect(turn).toEqual([]);
  expect(stun.map(({ host }) => host)).toEqual(["host-0", "host-1", "host-2", "host-3"]);
});

const at = (address: string, internal = false) => ({
  address,
  internal,
  netmask: "",
  mac: "",
  cidr: null,
  ...(address.includes(":")
    ? { family: "IPv6" as const, scopeid: 0 }
    : { family: "IPv4" as const }),
});
const lo = [at("127.0.0.1", true)];

test.each([
  [
    "every interface counts, VPNs and containers too",
    {
      lo,
      eth0: [at("192.0.2.5"), at("2001:db8::5")],
      tun0: [at("10.8.0.2")],
      veth1: [at("10.5.0.1")],
    },
    ["192.0.2.5", "2001:db8::5", "10.8.0.2", "10.5.0.1"],
  ],
  ["link-local addresses do not", { lo, eth0: [at("169.254.1.1"), at("fe80::1")] }, ["127.0.0.1"]],
  ["a machine without a network has itself", { lo, eth0: undefined }, ["127.0.0.1"]],
])("%s", (_name, interfaces, expected) => {
  expect(hostAddresses(interfaces as Parameters<typeof hostAddresses>[0])).toEqual(expected);
});
