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
