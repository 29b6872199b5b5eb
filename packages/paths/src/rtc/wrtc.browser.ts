/** A browser brings its own WebRTC, or none: then there is nothing to load. */

import type { Wrtc } from "./wrtc.ts";

export async function loadWrtc(): Promise<Wrtc | undefined> {
  return undefined;
}
