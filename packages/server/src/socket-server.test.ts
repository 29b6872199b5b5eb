/** What both socket.io servers keep strangers from doing, by bare requests of the polling transport. */

import { expect, test } from "vitest";
import { ask, startLinkServer } from "../../../test/support/link-server.ts";

const SEPARATOR = "\x1e";

/** A connection by polling that has no socket yet. */
async function shakeHands(url: string, path: string) {
  const address = `${url}${path}/?EIO=4&transport=polling`;
  const answer = await (await fetch(address)).text();
  const { sid } = JSON.parse(answer.slice(1)) as { sid: string };
  const ofIt = `${address}&sid=${sid}`;
  return {
    /** Resolves also if the server cuts the request off. */
    say: (body: string) => fetch(ofIt, { method: "POST", body }).catch(() => undefined),
    /** The packets that wait, or none if the connection is not known any more. */
    async hear(): Promise<string[]> {
      const response = await fetch(ofIt);
      return response.ok ? (await response.text()).split(SEPARATOR) : [];
    },
  };
}

test.each([
  ["/api/socketio", "40"],
  ["/api/beeline", "40"],
  ["/api/socketio", "4 "],
  ["/api/socketio", "40/elsewhere,"],
])(
  "a thousand sockets asked for at once on one connection of %s by '%s' are none, and it is closed",
  async (path, packet) => {
    const server = await startLinkServer();
    const connection = await shakeHands(server.url, path);
    await connection.say(Array<string>(1000).fill(packet).join(SEPARATOR));
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
