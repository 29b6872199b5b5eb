import { expect, test } from "vitest";
import { checkRequest, type GuardPolicy, isLoopback } from "./guard.ts";

const LOOPBACK: GuardPolicy = { boundTo: "127.0.0.1", publicHosts: [], allowedOrigins: [] };
const LAN: GuardPolicy = { ...LOOPBACK, boundTo: "0.0.0.0" };
const PUBLIC: GuardPolicy = {
  boundTo: "127.0.0.1",
  publicHosts: ["link.example"],
  allowedOrigins: ["https://site.example"],
};

test.each<[GuardPolicy, string | undefined, boolean]>([
  [LOOPBACK, "localhost:8080", true],
  [LOOPBACK, "127.0.0.1:8080", true],
  [LOOPBACK, "127.9.9.9", true],
  [LOOPBACK, "[::1]:8080", true],
  [LOOPBACK, "demo.localhost", true],
  [LOOPBACK, "LOCALHOST", true],
  [LOOPBACK, "evil.example", false],
  [LOOPBACK, "localhost.evil.example", false],
  [LOOPBACK, "127.0.0.1.evil.example", false],
  [LOOPBACK, "192.168.1.5:8080", false],
  [LOOPBACK, undefined, false],
  [LOOPBACK, "", false],
  [LOOPBACK, "localhost/evil", false],
  [LOOPBACK, "user@localhost", false],
  [LAN, "192.168.1.5:8080", true],
  [LAN, "[fe80::1]:8080", true],
  [LAN, "desktop.local:8080", false],
  [PUBLIC, "link.example", true],
  [PUBLIC, "Link.Example:443", true],
  [PUBLIC, "sub.link.example", false],
])("%j under the name %s: %s", (policy, host, allowed) => {
  expect(checkRequest({ headers: { host } }, policy).allowed).toBe(allowed);
});

test.each<[string, string, boolean, string | undefined]>([
  ["link.example", "https://link.example", true, undefined],
  ["link.example:443", "https://link.example", true, undefined],
  ["link.example", "http://link.example:80", true, undefined],
  ["link.example:8080", "http://link.example:8080", true, undefined],
  ["link.example:8080", "http://link.example", false, undefined],
  ["localhost:8080", "http://127.0.0.1:8080", false, undefined],
  ["link.example", "https://site.example", true, "https://site.example"],
  ["link.example", "https://SITE.example:443", true, "https://site.example"],
  ["link.example", "http://site.example", false, undefined],
  ["link.example", "https://site.example.evil.example", false, undefined],
  ["link.example", "null", false, undefined],
  ["link.example", "", false, undefined],
  ["link.example", "file:///etc", false, undefined],
  ["link.example", "garbage", false, undefined],
])("host %s, origin %s: %s", (host, origin, allowed, crossOrigin) => {
  const verdict = checkRequest({ headers: { host, origin } }, PUBLIC);
  expect(verdict.allowed).toBe(allowed);
  if (verdict.allowed) expect(verdict.crossOrigin).toBe(crossOrigin);
});

test("a refusal names what the operator can add", () => {
  expect(checkRequest({ headers: { host: "desktop.local" } }, LAN)).toMatchObject({
    message: expect.stringContaining("desktop.local"),
  });
});

test.each([
  ["127.0.0.1", true],
  ["::ffff:127.0.0.1", true],
  ["[::ffff:7f00:1]", true],
  ["::1", true],
  ["::", false],
  ["0.0.0.0", false],
  ["128.0.0.1", false],
  ["example.com", false],
])("isLoopback(%s) is %s", (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected);
});
