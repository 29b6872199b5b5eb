/** Node's native WebRTC, if it is installed: an optional dependency with prebuilt binaries. */

export async function loadWrtc(): Promise<object | undefined> {
  try {
    const module = (await import("@roamhq/wrtc")) as { default?: object };
    return module.default ?? module;
  } catch {
    return undefined;
  }
}
