/** The server's REST interface, asked from a host of the lab. */

import { REST_PATH } from "@beeline/protocol";
import type { Host } from "../host.ts";

/** What a page would do: the answer's body and, of its cookies, the first. */
const ASK = `
const [url, method, cookie] = process.argv.slice(1);
const headers = { "content-type": "application/json", ...(cookie ? { cookie } : {}) };
const answer = await fetch(url, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) });
const setCookie = (answer.headers.get("set-cookie") ?? "").split(";")[0];
console.log(JSON.stringify({ body: await answer.json(), cookie: setCookie }));
`;

interface Answer<Body> {
  readonly body: Body;
  readonly cookie: string;
}

function ask<Body>(host: Host, url: string, method: string, cookie = ""): Answer<Body> {
  const flags = ["--input-type=module", "--eval", ASK];
  const target = new URL(REST_PATH, url).href;
  return JSON.parse(host.run(process.execPath, ...flags, target, method, cookie)) as Answer<Body>;
}

/** A new instance: its short key, and the cookie of the user it belongs to. */
export function createInstanceFrom(host: Host, url: string): { key: string; cookie: string } {
  const { body, cookie } = ask<{ key: string }>(host, url, "POST");
  return { key: body.key, cookie };
}

/** The key that is valid now. */
export function currentKeyFrom(host: Host, url: string, cookie: string): string {
  const [instance] = ask<{ key: string }[]>(host, url, "GET", cookie).body;
  if (instance === undefined) throw new Error("the server has forgotten the instance");
  return instance.key;
}
