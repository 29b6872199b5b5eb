import type { ImageUpdate, LinkImage } from "@beeline/client";
import { expect, test } from "vitest";
import { jobPhase, startJob, updateJob } from "./job-view.ts";

const job = startJob("id", { quantity: 2, params: { prompt: "a bee" } });
const bytes = new Uint8Array([1]);

function after(...updates: ImageUpdate[]) {
  return updates.reduce(updateJob, job);
}

function progress(percent: number, step: number): ImageUpdate {
  return { kind: "progress", progress: percent, step, steps: 20, etaMs: 1_000 };
}

function image(index: number): ImageUpdate {
  return { kind: "image", image: { index, bytes } as LinkImage };
}

test("a waiting job tells its place in the queue, and no longer once it runs", () => {
  const waiting = after({ kind: "status", status: "pending", queuePosition: 2 });
  expect(jobPhase(waiting)).toBe("2 jobs before yours");
  const running = updateJob(waiting, { kind: "status", status: "processing", queuePosition: 0 });
  expect(running.queuePosition).toBeUndefined();
  expect(jobPhase(running)).toBe("Starting…");
});

test("progress of the whole job never runs backwards while steps start over with each image", () => {
  const job = after(progress(50, 20), progress(48, 1));
  expect(job).toMatchObject({ progress: 50, step: 1, steps: 20, status: "processing" });
});

test("the preview goes when its image lands, and a late one is not shown", () => {
  const preview = { kind: "preview", index: 0, mime: "image/png", bytes } as const;
  expect(after(preview).preview?.index).toBe(0);
  expect(after(preview, image(0)).preview).toBeUndefined();
  expect(after(preview, image(0), preview).preview).toBeUndefined();
  expect(after(image(0), { ...preview, index: 1 }).preview?.index).toBe(1);
});

test("each image of several is counted", () => {
  expect(jobPhase(after(progress(10, 4)))).toBe("Drawing 1 of 2");
  expect(jobPhase(after(progress(10, 4), image(0), progress(60, 4)))).toBe("Drawing 2 of 2");
});

test("an image on its way is told until it has landed", () => {
  const receiving = after(progress(100, 20), {
    kind: "transfer",
    index: 1,
    received: 10,
    size: 100,
  });
  expect(jobPhase(receiving)).toBe("Receiving…");
  expect(updateJob(receiving, image(1)).transfer).toBeUndefined();
});

test("a job that is being canceled says so first of all", () => {
  expect(jobPhase({ ...after(progress(10, 4)), canceling: true })).toBe("Canceling…");
});
