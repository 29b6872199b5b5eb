import { type Activity, BeelineError, type ResourceProgress } from "@beeline/protocol";
import { expect, test } from "vitest";
import {
  type DownloadEvent,
  foreignDownloads,
  nextDownloads,
  progressText,
  resourceError,
} from "./downloads.ts";

const file: ResourceProgress = {
  type: "lora",
  hash: "a".repeat(64),
  name: "a.safetensors",
  status: "processing",
};

function after(...events: DownloadEvent[]) {
  return events.reduce(nextDownloads, []);
}

function updated(id: string, progress: number): DownloadEvent {
  return { type: "updated", id, status: "processing", resources: [{ ...file, progress }] };
}

test("an update takes the place of the one before it, and the list keeps its order", () => {
  const downloads = after(updated("1", 0), updated("2", 0), updated("1", 50));
  expect(downloads.map(({ id }) => id)).toEqual(["2", "1"]);
  expect(downloads[1]?.resources[0]?.progress).toBe(50);
});

test("a failure keeps the names of the files, and a cancel is no error", () => {
  const failed = after(updated("1", 10), {
    type: "failed",
    id: "1",
    error: new BeelineError("DISK_FULL", "full"),
  });
  expect(failed[0]).toMatchObject({ status: "error", resources: [{ name: "a.safetensors" }] });
  const canceled = after(updated("1", 10), {
    type: "failed",
    id: "1",
    error: new BeelineError("CANCELED", ""),
  });
  expect(canceled[0]?.status).toBe("canceled");
});

test("a dismissed one is gone", () => {
  expect(after(updated("1", 0), { type: "dismissed", id: "1" })).toEqual([]);
});

test("after a reload, what still runs is found among the activities", () => {
  const activities: Activity[] = [
    { id: "1", type: "resources:add", status: "processing", resources: [file] },
    { id: "2", type: "resources:add", status: "success", resources: [file] },
    { id: "3", type: "image:txt2img", status: "processing" },
  ];
  expect(foreignDownloads(activities, []).map(({ id }) => id)).toEqual(["1"]);
  expect(foreignDownloads(activities, after(updated("1", 0)))).toEqual([]);
});

test("progress tells the share, the speed and the time left, as far as they are known", () => {
  expect(progressText({ ...file, progress: 42.9, speed: 3_100_000, remainingTime: 12 })).toBe(
    "42 %, 3.1 MB/s, 12 s left",
  );
  expect(progressText({ ...file, progress: 0 })).toBe("0 %");
  expect(progressText({ ...file, status: "pending" })).toBe("waiting");
});

test("an error of a newer peer is still an error", () => {
  const error = { code: "NEW_CODE", message: "what", remedy: "" };
  expect(resourceError({ ...file, status: "error", error })?.code).toBe("INTERNAL");
  expect(resourceError(file)).toBeUndefined();
});
