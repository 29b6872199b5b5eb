import { expect, test } from "vitest";
import { ipBytes, networkOf } from "./ip-address.ts";

test.each([
  ["192.0.2.1", "c0000201"],
  ["::ffff:192.0.2.1", "c0000201"],
  ["::ffff:c000:201", "c0000201"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::a:b", "20010db80000000000000000000a000b"],
  ["2001:db8:1:2:3:4:5:6", "20010db8000100020003000400050006"],
  ["1::", "00010000000000000000000000000000"],
  ["64:ff9b::192.0.2.1", "0064ff9b0000000000000000c0000201"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ["256.1.1.1", undefined],
  ["example.com", undefined],
  ["", undefined],
])("the bytes of %j are %s", (text, hex) => {
  expect(ipBytes(text)?.toString("hex")).toBe(hex);
});

test("an IPv6 /64 is one party, an IPv4 address is one", () => {
  expect(networkOf("2001:db8:1:2:3::4")).toBe(networkOf("2001:db8:1:2:ffff::"));
  expect(networkOf("2001:db8:1:2::")).not.toBe(networkOf("2001:db8:1:3::"));
  expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
});

test("whoever has no address any more is one party together", () => {
  expect(networkOf(undefined)).toBe(networkOf(undefined));
});
