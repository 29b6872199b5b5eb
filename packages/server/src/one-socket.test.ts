/** What both socket.io servers keep strangers from doing, by bare requests of the polling transport. */

import { expect, test } from "vitest";
import { ask, startLinkServer } from "../../../test/support/link-server.ts";
import { PollingPeer } from "../../../test/support/polling-peer.ts";

test.each([
  ["/api/socketio", "40"],
  ["/api/beeline", "40"],
  ["/api/socketio", "4 "],
  ["/api/socketio", "40/elsewhere,"],
])(
  "a thousand sockets asked for at once on one connection of %s by '%s' are none, and it is closed",
  async (path, packet) => {
    const server = await startLinkServer();
    const connection = await PollingPeer.open(server.url, path);
    await connection.say(Array<string>(1000).fill(packet));
    const answers: string[] = [];
    for (;;) {
      const packets = await connection.hear();
      if (packets.length === 0) break;
      answers.push(...packets.filter((one) => one.startsWith("4")));
      expect(answers.length).toBeLessThanOrEqual(1);
    }
  },
);

test("what polling answers, and a refusal, is nothing that a browser would show or sniff", async () => {
  const server = await startLinkServer();
  const path = "/api/socketio/?EIO=4&transport=polling";
  const opened = await ask(server.url, "GET", path);
  const refused = await ask(server.url, "GET", path, { headers: { host: "evil.example" } });
  expect([opened.status, refused.status]).toEqual([200, 403]);
  for (const { headers } of [opened, refused]) {
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
    });
  }
});
