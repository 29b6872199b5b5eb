/** Moments when a direct attempt is worth making at once: back online, visible again, other network. */

export function watchPage(onMoment: () => void): () => void {
  const { window, document } = globalThis as {
    window?: EventTarget;
    document?: EventTarget & { visibilityState: string };
  };
  if (window === undefined || document === undefined) return () => {};
  const connection = (globalThis.navigator as { connection?: EventTarget }).connection;
  const onVisible = (): void => {
    if (document.visibilityState === "visible") onMoment();
  };
  window.addEventListener("online", onMoment);
  document.addEventListener("visibilitychange", onVisible);
  connection?.addEventListener("change", onMoment);
  return () => {
    window.removeEventListener("online", onMoment);
    document.removeEventListener("visibilitychange", onVisible);
    connection?.removeEventListener("change", onMoment);
  };
}
