import type { NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { watchNetwork } from "./network-watch.ts";

function address(text: string): NetworkInterfaceInfo {
  return {
    address: text,
    family: "IPv4",
    internal: false,
    netmask: "255.255.255.0",
    mac: "00:00:00:00:00:00",
    cidr: `${text}/24`,
  };
}

test("a list that cannot be had is no change, and the next one is compared with the last", () => {
  let interfaces: ReturnType<typeof networkInterfaces> | undefined = {
    eth0: [address("192.0.2.1")],
  };
  let fire = (): void => {};
  const clock = {
    nowMs: () => 0,
    after: (_delayMs: number, callback: () => void) => {
      fire = callback;
      return () => {};
    },
  };
  const losses: boolean[] = [];
  watchNetwork(
    clock,
    (hasLost) => losses.push(hasLost),
    () => {
      if (interfaces === undefined) throw new Error("uv_interface_addresses returned EMFILE");
      return interfaces;
    },
  );
  interfaces = undefined;
  fire();
  interfaces = { eth0: [address("192.0.2.1")] };
  fire();
  expect(losses).toEqual([]);
  interfaces = { eth0: [address("192.0.2.7")] };
  fire();
  expect(losses).toEqual([true]);
});

test("a change of addresses is told once, with whether one went away; the same addresses never", () => {
  let interfaces: ReturnType<typeof networkInterfaces> = { eth0: [address("192.0.2.1")] };
  let fire = (): void => {};
  let stopped = false;
  const clock = {
    nowMs: () => 0,
    after: (_delayMs: number, callback: () => void) => {
      fire = callback;
      return () => {
        stopped = true;
      };
    },
  };
  const losses: boolean[] = [];
  const stop = watchNetwork(
    clock,
    (hasLost) => losses.push(hasLost),
    () => interfaces,
  );

  fire();
  expect(losses).toEqual([]);
  interfaces = { wlan0: [address("198.51.100.7")] };
  fire();
  fire();
  expect(losses).toEqual([true]);
  interfaces = { ...interfaces, wg0: [address("10.8.0.2")] };
  fire();
  expect(losses).toEqual([true, false]);
  stop();
  expect(stopped).toBe(true);
});
