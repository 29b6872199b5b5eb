/** `beeline server` as a service manager runs it. */

import { expect, test } from "vitest";
import { newHome, startServer } from "../support/beeline.ts";
import { ask, BeelinePeer, cookieOf, ShippedPeer } from "../support/link-server.ts";

test("a server that is told to stop lets its peers go as if the line were cut, and ends well", async () => {
  const { url, process } = await startServer(await newHome(), "--drain", "1", "--no-stun");
  const created = await ask(url, "POST", "/api/link", { body: {} });
  const { key } = created.body as { key: string };
  const client = new BeelinePeer({ url, browser: { cookie: cookieOf(created) } }, "client");
  await client.enter(key);
  const sd = new ShippedPeer({ url }, "sd");
  await sd.join(key);
  await sd.next("upgradeKey");

  const exitCode = process.terminate();
  for (const peer of [client, sd]) {
    // socket.io's clients come back by themselves after this reason, and not after the server's own.
    expect((await peer.next("disconnect"))[0]).toBe("transport close");
    expect(peer.count("kicked")).toBe(0);
  }
  expect(await exitCode).toBe(0);
});
