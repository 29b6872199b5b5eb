/**
 * Pulls the cable of every UDP socket that this process has in JavaScript: from now until the test
 * ends nothing leaves and nothing arrives, and no one is told. Native WebRTC keeps its sockets, but
 * hears no more from werift.
 */
import dgram from "node:dgram";
import { onTestFinished, vi } from "vitest";

export function severDatagrams(): void {
  const send = vi.spyOn(dgram.Socket.prototype, "send").mockImplementation(() => {});
  const emit = dgram.Socket.prototype.emit;
  const receive = vi.spyOn(dgram.Socket.prototype, "emit");
  receive.mockImplementation(function (this: dgram.Socket, ...values: unknown[]) {
    return values[0] === "message" ? false : Reflect.apply(emit, this, values);
  });
  onTestFinished(() => {
    send.mockRestore();
    receive.mockRestore();
  });
}
