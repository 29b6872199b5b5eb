import type { Activity } from "@beeline/protocol";
import { expect, test } from "vitest";
import { activityDetail, activityError, activityTitle, isCancelable } from "./activity-wording.ts";

const add: Activity = {
  id: "1",
  type: "resources:add",
  status: "processing",
  resources: [
    { type: "lora", hash: "a".repeat(64), name: "film.safetensors", status: "processing" },
  ],
};

test("a known command has a name for people, any other keeps its own", () => {
  expect(activityTitle(add)).toBe("Download");
  expect(activityTitle({ ...add, type: "something:new" })).toBe("something:new");
  expect(activityTitle({ ...add, type: "constructor" })).toBe("constructor");
});

test("the detail names the files or counts the pictures", () => {
  expect(activityDetail(add)).toBe("film.safetensors");
  const drawn: Activity = { id: "2", type: "image:txt2img", status: "success" };
  expect(activityDetail(drawn)).toBe("");
  expect(activityDetail({ ...drawn, images: [{}, {}] })).toBe("2 pictures");
  expect(activityDetail({ ...drawn, images: "no list" })).toBe("");
});

test("only a download that still runs can be canceled", () => {
  expect(isCancelable(add)).toBe(true);
  expect(isCancelable({ ...add, status: "success" })).toBe(false);
  expect(isCancelable({ ...add, type: "image:txt2img" })).toBe(false);
  expect(isCancelable({ ...add, resources: [] })).toBe(false);
});

test("an activity that failed carries its error with a remedy", () => {
  const error = { code: "DISK_FULL", message: "2 GB are missing", remedy: "" };
  expect(activityError({ ...add, error })).toMatchObject({
    code: "DISK_FULL",
    detail: "2 GB are missing",
  });
});
