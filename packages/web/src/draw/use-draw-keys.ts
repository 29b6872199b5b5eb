/**
 * Ctrl+Enter (or ⌘+Enter) draws, Esc cancels, wherever the focus is.
 *
 * Listens while the event goes down, before any widget: by the time it comes back up, an open list
 * has already closed itself, and its Esc would look like one meant for the job.
 */

import { useEffect, useRef } from "react";

interface DrawKeys {
  readonly onDraw: () => void;
  readonly onCancel: () => void;
}

/** What Esc closes first, if it is open. */
const OPEN_WIDGETS =
  '[role="dialog"], [role="menu"], [aria-haspopup="listbox"][aria-expanded="true"]';

export function useDrawKeys(keys: DrawKeys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.repeat || event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        latest.current.onDraw();
      } else if (event.key === "Escape" && document.querySelector(OPEN_WIDGETS) === null) {
        latest.current.onCancel();
      }
    }
    window.addEventListener("keydown", onKey, { capture: true });
    return () => window.removeEventListener("keydown", onKey, { capture: true });
  }, []);
}
