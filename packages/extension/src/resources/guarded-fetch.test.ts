/** The guards hold at the moment of connecting, at every hop, whatever a name resolves to. */

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GuardedFetch, type ResolveHost } from "./guarded-fetch.ts";

const never = new AbortController().signal;
let server: Server;
let port: number;
let listener: RequestListener;
let requests: string[];
const opened: GuardedFetch[] = [];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    listener(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((fetch) => fetch.close()));
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

/** Every name resolves to this machine. */
const toLoopback: ResolveHost = (_host, _options, callback) =>
  callback(null, [{ address: "127.0.0.1", family: 4 }]);

function open(allowHosts: string[], resolveHost: ResolveHost = toLoopback): GuardedFetch {
  const fetch = new GuardedFetch({ allowHosts, allowInsecure: true }, resolveHost);
  opened.push(fetch);
  return fetch;
}

test("an allowed name with a private address among its public ones is not connected to", async () => {
  const asked: string[] = [];
  const fetch = open([], (host, _options, callback) => {
    asked.push(host);
    callback(null, [
      { address: "104.18.22.206", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ]);
  });
  const get = fetch.get("https://civitai.com/x", { signal: never });
  await expect(get).rejects.toMatchObject({ code: "URL_REFUSED" });
  expect(asked).toEqual(["civitai.com"]);
});

test("a host that the owner named is reached in the private network too", async () => {
  listener = (_request, response) => response.end("here");
  const bytes = await open(["nas.home"]).getBytes(`http://nas.home:${port}/x`, 10, never);
  expect(Buffer.from(bytes).toString()).toBe("here");
});

test.each([
  "http://127.0.0.1:PORT/secret",
  "http://other.home:PORT/secret",
  "https://civitai.com/secret",
  "file:///etc/passwd",
  "//169.254.169.254/latest",
  "http://[::1]:PORT/secret",
])("a redirect to %s is not followed", async (location) => {
  listener = (_request, response) =>
    response.writeHead(302, { location: location.replace("PORT", String(port)) }).end();
  const get = open(["nas.home"]).get(`http://nas.home:${port}/`, { signal: never });
  await expect(get).rejects.toMatchObject({ code: "URL_REFUSED" });
  expect(requests).toEqual(["/"]);
});

test("an endless chain of redirects is left after the fifth", async () => {
  listener = (_request, response) => response.writeHead(302, { location: "/again" }).end();
  const get = open(["nas.home"]).get(`http://nas.home:${port}/`, { signal: never });
  await expect(get).rejects.toMatchObject({ code: "URL_REFUSED" });
  expect(requests).toHaveLength(6);
});

test("a body that is larger than allowed is dropped while it arrives", async () => {
  listener = (_request, response) => {
    const pour = () => {
      if (!response.destroyed) response.write(Buffer.alloc(10_000), pour);
    };
    pour();
  };
  const get = open(["nas.home"]).getBytes(`http://nas.home:${port}/`, 50_000, never);
  await expect(get).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("a server that is not there, and a name that nobody knows, are failed downloads", async () => {
  const unknown: ResolveHost = (_host, _options, callback) =>
    callback(Object.assign(new Error("no such host"), { code: "ENOTFOUND" }), []);
  const failed = { code: "DOWNLOAD_FAILED" };
  const named = open(["nas.home"], unknown).get("http://nas.home/", { signal: never });
  await expect(named).rejects.toMatchObject({
    ...failed,
    detail: expect.stringContaining("ENOTFOUND"),
  });
  listener = (request) => request.socket.destroy();
  const cut = open(["nas.home"]).get(`http://nas.home:${port}/`, { signal: never });
  await expect(cut).rejects.toMatchObject(failed);
});
