/** The driver turns its machine whenever there is something to do, whatever its owner does meanwhile. */
import { expect, onTestFinished, test } from "vitest";
import { PacketDriver, type PacketMachine } from "./packet-driver.ts";

/** Sends what it is given, in order, and never by itself. */
class Machine implements PacketMachine {
  readonly wakeAtMs = Number.POSITIVE_INFINITY;
  readonly due: number[] = [];
  receive(packet: Uint8Array): void {
    this.due.push(packet[0] ?? 0);
  }
  nextPacket(): Uint8Array | undefined {
    const number = this.due.shift();
    return number === undefined ? undefined : Uint8Array.of(number);
  }
}

function drive(onTurn: (turn: number, machine: Machine, driver: PacketDriver) => void) {
  const machine = new Machine();
  const sent: number[] = [];
  let turn = 0;
  const driver: PacketDriver = new PacketDriver(machine, {
    nowMs: () => 0,
    send: (packet) => void sent.push(packet[0] ?? -1),
    onTurn: () => {
      turn += 1;
      onTurn(turn, machine, driver);
    },
  });
  onTestFinished(() => driver.close());
  return { machine, driver, sent };
}

test("what the owner gives when it is told of room leaves, though nothing else happens", async () => {
  const { driver, machine, sent } = drive((turn, machine, driver) => {
    if (turn !== 2) return;
    machine.due.push(2);
    driver.flush();
  });
  machine.due.push(1);
  driver.flush();
  await expect.poll(() => sent).toEqual([1, 2]);
});

test("an owner that throws once still has a path", async () => {
  const { driver, sent } = drive((turn) => {
    if (turn === 1) throw new Error("the owner's own");
  });
  const thrown = new Promise((resolve) => {
    process.once("uncaughtException", resolve);
  });
  const others = process.listeners("uncaughtException").slice(0, -1);
  for (const other of others) process.off("uncaughtException", other);
  onTestFinished(() => {
    for (const other of others) process.on("uncaughtException", other);
  });
  driver.receive(Buffer.from([7]));
  expect(await thrown).toMatchObject({ message: "the owner's own" });
  await expect.poll(() => sent).toEqual([7]);
});
