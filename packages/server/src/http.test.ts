/** REST, the guard and the demo's short cut, over real connections. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreatedInstance, LinkInstance } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import {
  ask,
  BeelinePeer,
  cookieOf,
  ShippedPeer,
  startLinkServer,
} from "../../../test/support/link-server.ts";

test("an owner creates, lists, renames and deletes instances in the shipped shapes", async () => {
  const { url } = await startLinkServer({ now: () => Date.UTC(2026, 0, 2) });
  const created = await ask(url, "POST", "/api/link", { body: {}, headers: { origin: url } });
  expect(CreatedInstance.strict().parse(created.body)).toMatchObject({
    instanceCount: 1,
    instanceLimit: 10,
    name: null,
  });
  const { id, key } = created.body as CreatedInstance;
  expect(created.headers["set-cookie"]).toEqual([
    expect.stringMatching(/; HttpOnly; SameSite=Lax$/),
  ]);
  const headers = { cookie: cookieOf(created) };

  const renamed = await ask(url, "PUT", "/api/link", { body: { id, name: " Desktop " }, headers });
  expect(renamed.body).toEqual({ id, name: "Desktop" });
  const listed = await ask(url, "GET", "/api/link", { headers });
  expect(LinkInstance.strict().array().parse(listed.body)).toEqual([
    {
      id,
      key,
      name: "Desktop",
      activated: false,
      origin: url,
      oauthPaired: false,
      createdAt: "2026-01-02T00:00:00.000Z",
    },
  ]);
  expect((await ask(url, "DELETE", `/api/link?id=${id}`, { headers })).body).toEqual({
    success: true,
  });
  expect((await ask(url, "GET", "/api/link", { headers })).body).toEqual([]);
});

test("a name that no database takes is taken without what it cannot keep", async () => {
  const server = await startLinkServer();
  const { id, cookie } = await server.createInstance();
  const rename = (name: string) =>
    ask(server.url, "PUT", "/api/link", { body: { id, name }, headers: { cookie } });
  expect((await rename("my\u0000 desk\ud800top\u001b[2J 🐝")).body).toEqual({
    id,
    name: "my desktop[2J 🐝",
  });
  expect((await rename(" \u0000 \u0007")).status).toBe(400);
});

test("the list shows the lasting key once an extension has joined, and a re-key a short one again", async () => {
  const server = await startLinkServer();
  const { id, key, cookie } = await server.createInstance();
  const extension = new BeelinePeer(server, "extension");
  await extension.enter(key);
  const [rekeyed] = await extension.next("rekey");

  const [instance] = (await ask(server.url, "GET", "/api/link", { headers: { cookie } })).body as [
    LinkInstance,
  ];
  expect(instance).toMatchObject({ id, activated: true, ...(rekeyed as object) });

  const again = await ask(server.url, "POST", "/api/link", { body: { id }, headers: { cookie } });
  expect(again.body).toMatchObject({
    id,
    key: expect.stringMatching(/^[0-9a-f]{6}$/),
    instanceCount: 1,
  });
  await extension.next("kicked");
});

test("the eleventh instance is refused in the words that shipped pages know", async () => {
  const { url } = await startLinkServer();
  const headers = { cookie: cookieOf(await ask(url, "POST", "/api/link", { body: {} })) };
  for (let count = 2; count <= 10; count++) {
    const answer = await ask(url, "POST", "/api/link", { body: {}, headers });
    expect(answer.body).toMatchObject({ instanceCount: count });
  }
  const refused = await ask(url, "POST", "/api/link", { body: {}, headers });
  expect([refused.status, refused.body]).toEqual([400, { error: "Instance limit reached" }]);
});

test("nobody reaches another user's instances, with no cookie, a foreign or a forged one", async () => {
  const server = await startLinkServer();
  const mine = await server.createInstance();
  server.browser.cookie = undefined;
  const other = await server.createInstance();
  const forged = mine.cookie.replace(/\.[^.]*$/, ".AAAA");

  for (const cookie of ["", other.cookie, forged]) {
    const headers = { cookie };
    const list = (await ask(server.url, "GET", "/api/link", { headers })).body as LinkInstance[];
    expect(list.map(({ id }) => id)).not.toContain(mine.id);
    const attempts = [
      ask(server.url, "DELETE", `/api/link?id=${mine.id}`, { headers }),
      ask(server.url, "PUT", "/api/link", { body: { id: mine.id, name: "x" }, headers }),
      ask(server.url, "POST", "/api/link", { body: { id: mine.id }, headers }),
    ];
    for (const answer of await Promise.all(attempts)) {
      expect([answer.status, answer.body]).toEqual([
        404,
        { error: "you have no such link instance" },
      ]);
    }
  }
});

test.each([
  { what: "an id that is none", method: "DELETE", path: "/api/link?id=x", status: 400 },
  {
    what: "a name that is none",
    method: "PUT",
    path: "/api/link",
    body: { id: 1, name: "" },
    status: 400,
  },
  {
    what: "a body that is too large",
    method: "POST",
    path: "/api/link",
    body: { x: "x".repeat(5000) },
    status: 413,
  },
  { what: "a path that is none", method: "GET", path: "/api/nothing", status: 404 },
])("$what is answered by an error", async ({ method, path, body, status }) => {
  const { url } = await startLinkServer();
  const answer = await ask(url, method, path, { body });
  expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
});

test("a foreign page and a rebound name are refused, and no cookie is set", async () => {
  const { url } = await startLinkServer();
  for (const headers of [{ origin: "https://evil.example" }, { host: "evil.example" }]) {
    const answer = await ask(url, "POST", "/api/link", { body: {}, headers });
    expect(answer.status).toBe(403);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  }
});

test("an allowed origin gets CORS with credentials, in the preflight too", async () => {
  const origin = "https://site.example";
  const { url } = await startLinkServer({ allowedOrigins: [origin] });
  const cors = {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
  };
  const preflight = await ask(url, "OPTIONS", "/api/link", { headers: { origin } });
  expect(preflight).toMatchObject({ status: 204, headers: cors });
  expect(preflight.headers["access-control-allow-methods"]).toContain("DELETE");
  expect(await ask(url, "GET", "/api/link", { headers: { origin } })).toMatchObject({
    status: 200,
    headers: cors,
  });
});

test("the page and its files are served with headers that confine them", async () => {
  const pageDir = await mkdtemp(join(tmpdir(), "beeline-page-"));
  onTestFinished(() => rm(pageDir, { recursive: true }));
  await writeFile(join(pageDir, "index.html"), "<h1>page</h1>");
  const { url } = await startLinkServer({ pageDir });

  const page = await ask(url, "GET", "/");
  expect(page).toMatchObject({ status: 200, body: "<h1>page</h1>" });
  expect(page.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(page.headers["x-content-type-options"]).toBe("nosniff");
  expect((await ask(url, "GET", "/healthz")).body).toEqual({ status: "ok" });
  expect((await ask(url, "GET", "/%2e%2e/%2e%2e/etc/passwd")).status).toBe(404);
});

test("the demo links the caller's own instance, on this machine only", async () => {
  const linked: string[] = [];
  const pairDemo = async (key: string) => void linked.push(key);
  const server = await startLinkServer({
    pairDemo,
    publicHosts: ["beeline.example"],
    allowedOrigins: ["https://site.example"],
  });
  const { id, key, cookie } = await server.createInstance();
  const pair = (headers: Record<string, string>) =>
    ask(server.url, "POST", "/api/demo/pair", { body: { id }, headers });

  expect((await ask(server.url, "GET", "/api/demo")).body).toEqual({ demo: true });
  for (const headers of [
    { cookie, host: "beeline.example" },
    { cookie, "x-forwarded-for": "192.0.2.1" },
    { cookie, origin: "https://site.example" },
    { cookie: "" },
  ]) {
    expect((await pair(headers)).status).toBe(404);
  }
  expect(linked).toEqual([]);
  expect((await pair({ cookie })).body).toEqual({ linked: true });
  expect(linked).toEqual([key]);
});

test("without the demo there is no such door", async () => {
  const { url } = await startLinkServer();
  expect((await ask(url, "GET", "/api/demo")).body).toEqual({ demo: false });
  expect((await ask(url, "POST", "/api/demo/pair", { body: { id: 1 } })).status).toBe(404);
});

test("keys, cookies and the secret are in no log line, at the finest level", async () => {
  const server = await startLinkServer();
  const { id, key, cookie } = await server.createInstance();
  const headers = { cookie };
  const client = new BeelinePeer(server, "client");
  const sd = new ShippedPeer(server, "sd");
  await client.join("0123456789");
  await client.join("abcdef");
  await client.enter(key);
  await sd.join(key);
  const [{ key: lasting }] = (await client.next("rekey")) as [{ key: string }];
  await sd.join("e".repeat(128));
  await ask(server.url, "PUT", "/api/link", { body: { id, name: key.repeat(20) }, headers });
  await ask(server.url, "DELETE", `/api/link?id=${id}`, { headers });
  await client.next("kicked");
  await server.server.close();

  const log = server.logged.join("");
  expect(log).toContain("peer joined");
  for (const secret of [
    key,
    lasting,
    cookie.split("=")[1] ?? "",
    "0123456789",
    "abcdef",
    "e".repeat(128),
  ]) {
    expect(log).not.toContain(secret);
  }
});
