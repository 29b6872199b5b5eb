/** What the owner's screen shows. */

import { expect, test } from "vitest";
import { renderStatus, type ScreenState } from "./status-screen.ts";

const state: ScreenState = {
  renderer: "ComfyUI at http://127.0.0.1:8188",
  links: [{ server: "https://example.org", status: "active", clients: 1 }],
  jobs: [
    { type: "image:txt2img", client: "Firefox", status: "processing", progress: 50 },
    { type: "resources:add", client: "Firefox", status: "success", progress: 100 },
  ],
  notes: ["Linked through https://example.org."],
};

test("shows renderer, links and a bar per job", () => {
  expect(renderStatus(state, 100)).toEqual([
    "Renderer  ComfyUI at http://127.0.0.1:8188",
    "Link      https://example.org  active, 1 page",
    "",
    "████████████░░░░░░░░░░░░  50%  processing image:txt2img  Firefox",
    "████████████████████████ 100%  success    resources:add  Firefox",
    "Linked through https://example.org.",
    "",
    "Ctrl+C stops the extension.",
  ]);
});

test("never wraps, and a page's name cannot act on the terminal", () => {
  const client = "\u001b[2J\u202eevil";
  const jobs = [{ type: "image:txt2img", client, status: "error", progress: 0 }];
  const lines = renderStatus({ ...state, jobs }, 60);
  expect(lines.every((line) => line.length < 60)).toBe(true);
  expect(renderStatus({ ...state, jobs }, 200).join("")).not.toMatch(/\p{C}/u);
});
