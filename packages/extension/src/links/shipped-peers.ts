/**
 * Shipped clients in the room: today's sites, which know neither sessions nor paths. Their commands
 * come whole through the server, their answers go back in parts, to all of them at once, as they
 * expect it.
 */

import { randomUUID } from "node:crypto";
import type { RoomConnection } from "@beeline/paths";
import {
  BeelineError,
  type DialectMessage,
  fromShipped,
  MAX_MESSAGE_BYTES,
  type PeerId,
  type Presence,
  type Resource,
  type ShippedRequest,
  shippedResourceList,
  toShipped,
} from "@beeline/protocol";
import type { Caller, CommandService, InputBlobs, StoredImage, Subscriber } from "../service.ts";

/** Shipped extensions report at most once a second; their sites draw no faster. */
const REPORT_EVERY_MS = 1_000;

/** Shipped clients send no blobs: what they have is in the command itself. */
const NO_BLOBS: InputBlobs = {
  read: () => Promise.reject(new Error("a shipped client sends no blobs")),
};

export class ShippedPeers {
  readonly #room: RoomConnection;
  readonly #service: CommandService;
  /** They cannot be told apart and see each other's answers, so they are one caller. */
  readonly #caller: Caller;
  readonly #stopListening: () => void;
  #hasClients = false;
  #listTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: RoomConnection, service: CommandService, linkId: string) {
    this.#room = room;
    this.#service = service;
    this.#caller = { clientId: `shipped ${linkId}`, linkId, name: "shipped client" };
    this.#stopListening = service.onChanged((changed) => {
      if (changed === "resources") this.#pushListSoon();
    });
  }

  onPresence(presence: Presence): void {
    this.#hasClients = presence.peers.some(
      (peer) => peer.kind === "shipped" && peer.role === "client",
    );
  }

  onMessage(_from: PeerId, message: DialectMessage): void {
    if (message.event !== "command") return;
    const request = fromShipped(message.payload);
    this.#service.handle(request.command, this.#caller, NO_BLOBS, this.#subscriber(request));
  }

  close(): void {
    this.#stopListening();
    clearTimeout(this.#listTimer);
  }

  #subscriber(request: ShippedRequest): Subscriber {
    const images: StoredImage[] = [];
    let reportedAtMs = Number.NEGATIVE_INFINITY;
    return {
      response: (response, isFinal) => {
        const nowMs = performance.now();
        if (!isFinal && nowMs - reportedAtMs < REPORT_EVERY_MS) return;
        reportedAtMs = nowMs;
        if (!isFinal || images.length === 0) return this.#send(toShipped(request, response));
        void this.#sendPictures(request, response, images);
      },
      // They have no way to show one.
      preview: () => {},
      image: (image) => void images.push(image),
    };
  }

  /** Never rejects, because nobody waits for it. */
  async #sendPictures(
    request: ShippedRequest,
    response: Readonly<Record<string, unknown>>,
    images: readonly StoredImage[],
  ): Promise<void> {
    try {
      const rest = Buffer.byteLength(JSON.stringify(toShipped(request, response, [])));
      // Before they are read: together they may be more than a process has memory for.
      const bytes = images.reduce((sum, { info }) => sum + textBytes(info.size), rest);
      if (bytes > MAX_MESSAGE_BYTES) throw tooLarge(bytes);
      const pictures = await Promise.all(images.map(base64Of));
      this.#send(toShipped(request, response, pictures));
    } catch (thrown) {
      const error = thrown instanceof BeelineError ? thrown : unsendable(thrown);
      try {
        this.#send(toShipped(request, { ...response, status: "error", error: error.toWire() }));
      } catch {}
    }
  }

  #pushListSoon(): void {
    if (!this.#hasClients) return;
    this.#listTimer ??= setTimeout(() => {
      this.#listTimer = undefined;
      this.#pushList();
    }, REPORT_EVERY_MS);
  }

  #pushList(): void {
    const command = { id: randomUUID(), type: "resources:list" };
    this.#service.handle(command, this.#caller, NO_BLOBS, {
      response: ({ resources }, isFinal) => {
        if (isFinal && Array.isArray(resources)) {
          this.#send(shippedResourceList(resources as Resource[]));
        }
      },
      preview: () => {},
      image: () => {},
    });
  }

  #send(payload: Record<string, unknown>): void {
    this.#room.dialect("commandStatus", payload);
  }
}

async function base64Of(image: StoredImage): Promise<string> {
  const bytes = await image.read(0, image.info.size);
  return Buffer.from(bytes).toString("base64");
}

/** In base64, with quotes and a comma. */
function textBytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4 + 3;
}

function tooLarge(bytes: number): BeelineError {
  const detail = `the pictures make a message of ${bytes} bytes, and a site takes ${MAX_MESSAGE_BYTES}`;
  return new BeelineError("LIMIT_EXCEEDED", detail);
}

/** What is wrong on this machine's disk is nothing for a site to read. */
function unsendable(cause: unknown): BeelineError {
  return new BeelineError("INTERNAL", "the pictures could not be sent", { cause });
}
