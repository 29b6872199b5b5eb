/** Bearer tokens, over real HTTP and sockets, with keys that the test makes. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { ask, BeelinePeer, startLinkServer } from "../../../test/support/link-server.ts";

const NAMED = { issuer: "https://site.example", audience: "beeline" };
const ES256 = { alg: "ES256", kid: "1" };
const SECRET = "a secret that the site and the server share";

const IN_AN_HOUR_S = Math.floor(Date.now() / 1000) + 3600;

function tokenFor(claims: Record<string, unknown> = {}, header = { alg: "HS256" }): SignJWT {
  const { issuer: iss, audience: aud } = NAMED;
  const all = { iss, aud, sub: "ann", exp: IN_AN_HOUR_S, ...claims };
  return new SignJWT(all).setProtectedHeader(header);
}

function sign(token: SignJWT, secret = SECRET): Promise<string> {
  return token.sign(new TextEncoder().encode(secret));
}

/** A site's key set, and how often it was fetched. */
async function serveKeys(keys: readonly JWK[]) {
  const site = { fetched: 0, isDown: false, url: "" };
  const http = createServer((_request, response) => {
    site.fetched++;
    response.statusCode = site.isDown ? 500 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void http.close());
  site.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/keys.json`;
  return site;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test("an account owns its instances from wherever it signs in, and no cookie is set", async () => {
  const server = await startLinkServer({ tokens: { ...NAMED, secret: SECRET } });
  const headers = bearer(await sign(tokenFor()));
  const created = await ask(server.url, "POST", "/api/link", { body: {}, headers });
  expect(created.status).toBe(200);
  expect(created.headers["set-cookie"]).toBeUndefined();

  const again = bearer(await sign(tokenFor()));
  const listed = await ask(server.url, "GET", "/api/link", { headers: again });
  expect(listed.body).toHaveLength(1);
  const bob = bearer(await sign(tokenFor({ sub: "bob" })));
  expect((await ask(server.url, "GET", "/api/link", { headers: bob })).body).toEqual([]);
});

test.each([
  ["signed with another secret", () => sign(tokenFor(), "another secret of the same length ...")],
  ["of another issuer", () => sign(tokenFor({ iss: "https://evil.example" }))],
  ["for another audience", () => sign(tokenFor({ aud: "mail" }))],
  ["that has expired", () => sign(tokenFor().setExpirationTime("-2m"))],
  ["that never expires", () => sign(tokenFor({ exp: undefined }))],
  ["without a subject", () => sign(tokenFor({ sub: undefined }))],
  ["without a signature", async () => `${btoa('{"alg":"none"}')}.${btoa("{}")}.`],
  ["that is none", async () => "token"],
])("a token %s is refused, cookie or not", async (_what, make) => {
  const server = await startLinkServer({ tokens: { ...NAMED, secret: SECRET } });
  const { cookie } = await server.createInstance();
  const headers = { ...bearer(await make()), cookie };
  for (const method of ["GET", "POST"]) {
    const answer = await ask(server.url, method, "/api/link", {
      headers,
      ...(method === "POST" && { body: {} }),
    });
    expect([answer.status, answer.body]).toEqual([401, { error: "unauthorized" }]);
  }
});

test("a token is refused where no site's accounts were set up", async () => {
  const server = await startLinkServer({ tokens: undefined });
  const headers = bearer(await sign(tokenFor()));
  expect((await ask(server.url, "GET", "/api/link", { headers })).status).toBe(401);
});

test("with accounts as a must, nobody is made a user by a cookie", async () => {
  const server = await startLinkServer({
    tokens: { ...NAMED, secret: SECRET },
    allowAnonymous: false,
  });
  for (const [method, path, body] of [
    ["POST", "/api/link", {}],
    ["GET", "/api/link", undefined],
    ["PUT", "/api/link", { id: 1, name: "mine" }],
    ["DELETE", "/api/link?id=1", undefined],
    ["GET", "/api/link/1/peers", undefined],
  ] as const) {
    const answer = await ask(server.url, method, path, { body });
    expect([answer.status, answer.body]).toEqual([401, { error: "unauthorized" }]);
  }
  const headers = bearer(await sign(tokenFor()));
  expect((await ask(server.url, "GET", "/api/link", { headers })).body).toEqual([]);
});

test("the site's keys come over https, or from this machine", async () => {
  const withKeysAt = (jwksUrl: string) => startLinkServer({ tokens: { ...NAMED, jwksUrl } });
  for (const url of ["http://site.example/keys.json", "http://192.0.2.1/keys.json", "ftp://x/k"]) {
    await expect(withKeysAt(url)).rejects.toThrow(/tokens/);
  }
  await withKeysAt("https://site.example/keys.json");
  await withKeysAt("http://localhost:1/keys.json");
});

test("public keys are fetched once, when the first token comes", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const site = await serveKeys([{ ...(await exportJWK(publicKey)), kid: "1", alg: "ES256" }]);
  const server = await startLinkServer({ tokens: { ...NAMED, jwksUrl: site.url } });
  expect(site.fetched).toBe(0);
  const signed = (key: CryptoKey) => tokenFor({}, ES256).sign(key);

  for (let i = 0; i < 3; i++) {
    const headers = bearer(await signed(privateKey));
    expect((await ask(server.url, "GET", "/api/link", { headers })).status).toBe(200);
  }
  expect(site.fetched).toBe(1);
  const other = await generateKeyPair("ES256");
  const forged = bearer(await signed(other.privateKey));
  expect((await ask(server.url, "GET", "/api/link", { headers: forged })).status).toBe(401);
});

test("a public key is never taken for a shared secret", async () => {
  const { publicKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "1" };
  const site = await serveKeys([jwk]);
  const server = await startLinkServer({ tokens: { ...NAMED, jwksUrl: site.url } });
  const confused = tokenFor({}, { ...ES256, alg: "HS256" });
  const headers = bearer(await sign(confused, JSON.stringify(jwk)));
  expect((await ask(server.url, "GET", "/api/link", { headers })).status).toBe(401);
});

test("a site whose keys cannot be had is a failure of the server, not of the token", async () => {
  const site = await serveKeys([]);
  site.isDown = true;
  const server = await startLinkServer({ tokens: { ...NAMED, jwksUrl: site.url } });
  const { privateKey } = await generateKeyPair("ES256");
  const token = await tokenFor({}, ES256).sign(privateKey);
  const answer = await ask(server.url, "GET", "/api/link", { headers: bearer(token) });
  expect(answer.status).toBe(503);
  expect(server.logged.join("")).not.toContain(token);
});

test("a client of another site proves by its token that the link is its user's", async () => {
  const server = await startLinkServer({ tokens: { ...NAMED, secret: SECRET } });
  const token = await sign(tokenFor());
  const created = await ask(server.url, "POST", "/api/link", { body: {}, headers: bearer(token) });
  const { key } = created.body as { key: string };

  const join = (auth: Record<string, unknown>) =>
    new BeelinePeer({ url: server.url }, "client", { auth }).join(key);
  const unauthorized = { ok: false, retry: true, error: { code: "UNAUTHORIZED" } };
  expect(await join({})).toMatchObject(unauthorized);
  expect(await join({ token: await sign(tokenFor({ sub: "bob" })) })).toMatchObject(unauthorized);
  expect(await join({ token: 7 })).toMatchObject(unauthorized);
  expect(await join({ token })).toMatchObject({ ok: true });
});
