/** What shipped clients are answered when their pictures cannot reach them. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { RoomConnection } from "@beeline/paths";
import { MAX_MESSAGE_BYTES } from "@beeline/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { CommandService, StoredImage, Subscriber } from "../service.ts";
import { uuid } from "../testing/service-harness.ts";
import { ShippedPeers } from "./shipped-peers.ts";

type Answer = Record<string, unknown>;

/** A shipped client asks for pictures of these sizes, and the result is there. */
async function askFor(
  sizes: readonly number[],
  dialect: (answer: Answer) => void,
): Promise<number> {
  let reads = 0;
  const images = sizes.map((size, index) => ({
    info: { index, size },
    read: async (_from: number, length: number) => {
      reads += 1;
      return Buffer.alloc(length);
    },
  }));
  const service = {
    onChanged: () => () => {},
    handle: (
      raw: { id: string; type: string },
      _caller: unknown,
      _blobs: unknown,
      to: Subscriber,
    ) => {
      for (const image of images) to.image(image as unknown as StoredImage);
      to.response({ id: raw.id, type: raw.type, status: "success" }, true);
    },
  } as unknown as CommandService;
  const room = { dialect: (_event: string, answer: Answer) => dialect(answer) };
  const peers = new ShippedPeers(room as unknown as RoomConnection, service, "link");
  const command = { id: uuid(1), type: "image:txt2img", params: { prompt: "a bee" } };
  peers.onMessage("site", { event: "command", payload: command } as never);
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  peers.close();
  return reads;
}

test("pictures that fit into a message are sent with the answer", async () => {
  const answers: Answer[] = [];
  await askFor([3, 6], (answer) => answers.push(answer));
  expect(answers).toMatchObject([{ id: uuid(1), status: "success", images: ["AAAA", "AAAAAAAA"] }]);
});

test("pictures that are more than the server passes on are not read, and the site is told", async () => {
  const answers: Answer[] = [];
  const half = MAX_MESSAGE_BYTES / 2;
  const reads = await askFor([half, half], (answer) => answers.push(answer));
  expect(reads).toBe(0);
  const error = expect.stringContaining(String(MAX_MESSAGE_BYTES));
  expect(answers).toMatchObject([{ id: uuid(1), status: "error", error }]);
  expect(answers[0]).not.toHaveProperty("images");
});

test("an answer that cannot be made into text costs that answer only", async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown) => void rejections.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  await askFor([3], () => {
    throw new RangeError("Invalid string length");
  });
  expect(rejections).toEqual([]);
});
