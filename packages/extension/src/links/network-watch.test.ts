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

test("a change of addresses is told once, the same addresses never", () => {
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
  let changes = 0;
  const stop = watchNetwork(
    clock,
    () => {
      changes += 1;
    },
    () => interfaces,
  );

  fire();
  expect(changes).toBe(0);
  interfaces = { wlan0: [address("198.51.100.7")] };
  fire();
  fire();
  expect(changes).toBe(1);
  stop();
  expect(stopped).toBe(true);
});
