/** A user's link, made by the server's REST interface as a page makes it. */

import { type CreatedInstance, REST_PATH } from "@beeline/protocol";

export interface Instance {
  /** For the extension's first connection; replaced then. */
  readonly key: string;
  /** Names the user who owns it. */
  readonly cookie: string;
}

export async function createInstance(server: string): Promise<Instance> {
  const answer = await fetch(new URL(REST_PATH, server), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { key } = (await answer.json()) as CreatedInstance;
  return { key, cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

/** The key that is valid now: the lasting one, once an extension has served the room. */
export async function currentKey(server: string, { cookie }: Instance): Promise<string> {
  const answer = await fetch(new URL(REST_PATH, server), { headers: { cookie } });
  const [instance] = (await answer.json()) as { key: string }[];
  if (instance === undefined) throw new Error("the server has forgotten the instance");
  return instance.key;
}
