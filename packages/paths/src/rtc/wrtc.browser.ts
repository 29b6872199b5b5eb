/** A browser brings its own WebRTC, or none: then there is nothing to load. */

export async function loadWrtc(): Promise<object | undefined> {
  return undefined;
}
