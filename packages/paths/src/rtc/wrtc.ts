/** Node's native WebRTC, if it is installed: an optional dependency with prebuilt binaries. */

import type SimplePeer from "simple-peer";

export type Wrtc = NonNullable<SimplePeer.Options["wrtc"]>;

export async function loadWrtc(): Promise<Wrtc | undefined> {
  try {
    const module = (await import("@roamhq/wrtc")) as unknown as { default?: Wrtc } & Wrtc;
    return module.default ?? module;
  } catch {
    return undefined;
  }
}
