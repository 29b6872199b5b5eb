import { expect, test } from "vitest";
import { hostAddresses, interfacesNow } from "./host-addresses.ts";

test("a machine that does not tell its addresses has loopback", () => {
  const interfaces = interfacesNow(() => {
    throw new Error("uv_interface_addresses returned EMFILE");
  });
  expect(hostAddresses(interfaces)).toEqual(["127.0.0.1"]);
});
