/**
 * Carries calls to a shipped Civitai Link extension, which knows neither sessions nor streams: JSON
 * commands through the room, and answers that everybody in it hears, told apart by their ids alone.
 *
 * Shipped extensions leave much unsaid, so what they do say is taken together:
 * - The desktop app does not answer an add of a file that it has, nor a removal of one that it has
 *   not. So silence is followed by a question for the list, and a list that shows the file (or no
 *   longer shows it) is an answer.
 * - It keeps no activities, so those that were heard stand in after a while.
 * - A cancel is confirmed by the download's own end, or not at all: then it is over here.
 * - An extension that comes back may have lost its downloads (A1111) or may go on with them (desktop,
 *   ComfyUI), and asking for one twice spoils it. So an add is asked again only after a silence.
 */

import type { Clock } from "@beeline/paths";
import {
  type Activity,
  BeelineError,
  readShippedStatus,
  SHIPPED_COMMANDS,
  type ShippedEntry,
  type ShippedStatus,
  type Status,
} from "@beeline/protocol";
import type { Calls, Carrier, OpenCall } from "./calls.ts";
import { randomUuid } from "./random.ts";
import { ShippedActivities } from "./shipped-activities.ts";
import {
  type Heard,
  isFinal,
  requestsOf,
  responseTo,
  type ShippedRequest,
} from "./shipped-requests.ts";

/** Shipped extensions that answer a command at all do so from memory; this covers a slow relay. */
const WORDLESS_MS = 5_000;
/** A download notices a cancel with its next block of bytes; one that hangs never does. */
const CANCEL_LIMIT_MS = 5_000;
/** Shipped extensions report a download once a second; ten silent ones, and it is not running. */
const SILENCE_LIMIT_MS = 10_000;

/** Of a cancel that nobody confirms, of a download that somebody else started. */
const SILENT = {
  status: "error",
  error: new BeelineError("TIMED_OUT", "the extension did not say that it stopped").toWire(),
} as const;

interface Part {
  readonly request: ShippedRequest;
  heard: Heard;
  /** The extension should have said something of it by now, or came back and did not yet. */
  isLost: boolean;
  /** For cancels: how the command that it names has ended. */
  ended: Status | undefined;
}

interface Asked {
  readonly call: OpenCall;
  readonly parts: readonly Part[];
  readonly timers: (() => void)[];
}

export interface ShippedCarrierOptions {
  readonly calls: Pick<Calls, "answer">;
  readonly clock: Clock;
  readonly send: (command: Readonly<Record<string, unknown>>) => void;
  readonly onChanged: (what: "resources" | "activities") => void;
}

export class ShippedCarrier implements Carrier {
  readonly #options: ShippedCarrierOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #activities = new ShippedActivities();
  /** The last list, by hash. */
  #entries: ReadonlyMap<string, ShippedEntry> = new Map();
  #listText = "";

  constructor(options: ShippedCarrierOptions) {
    this.#options = options;
  }

  ask(call: OpenCall): void {
    const asked = this.#asked.get(call.id);
    if (asked === undefined) this.#askFirst(call);
    else this.#askAgain(asked);
  }

  end(id: string): void {
    for (const cancel of this.#asked.get(id)?.timers ?? []) cancel();
    this.#asked.delete(id);
  }

  /** Another kind of extension answers now: nothing that is heard or over concerns it. */
  close(): void {
    for (const id of [...this.#asked.keys()]) this.end(id);
  }

  /** A `commandStatus` of the extension, whoever it answers. */
  hear(payload: unknown): void {
    const heard = readShippedStatus(payload);
    if (heard === undefined) return;
    if (heard.type === "resources:list" && !this.#isListed(heard)) return;
    for (const activity of heard.activities ?? []) this.#hearPast(activity);
    if (heard.id !== undefined) this.#advance(heard.id, heard);
    if (this.#activities.hear(payload, heard)) this.#options.onChanged("activities");
  }

  /** What the activities say. A download that is "processing" there may have died long ago. */
  #hearPast({ id, status, progress }: Activity): void {
    if (status === "success" || status === "canceled")
      return this.#advance(id, { status, progress });
    if (status !== "error") return;
    // It failed unheard, most likely because it could not report: A1111's ends with the connection.
    for (const part of [...this.#asked.values()].flatMap(({ parts }) => parts)) {
      if (part.request.id === id) this.#repeat(part);
    }
  }

  #askFirst(call: OpenCall): void {
    if (!SHIPPED_COMMANDS.has(call.type)) {
      throw new BeelineError(
        "COMMAND_UNSUPPORTED",
        `a Civitai Link extension manages models and knows no ${call.type}; Beeline's own does`,
      );
    }
    const requests = requestsOf(call, {
      entry: (hash) => this.#entries.get(hash),
      requests: (id) => this.#asked.get(id)?.parts.map(({ request }) => request),
      newId: randomUuid,
    });
    const parts = requests.map(
      (request): Part => ({ request, heard: undefined, isLost: false, ended: undefined }),
    );
    const asked: Asked = { call, parts, timers: [] };
    this.#asked.set(call.id, asked);
    for (const { request } of parts) this.#options.send(request.fields);
    this.#helpOut(asked);
  }

  /** For what shipped extensions do not answer by themselves. */
  #helpOut(asked: Asked): void {
    const { call, parts } = asked;
    switch (call.type) {
      case "resources:add":
      case "resources:remove":
        return this.#after(asked, WORDLESS_MS, () => {
          const silent = parts.filter(({ heard }) => heard === undefined);
          for (const part of silent) part.isLost = true;
          if (silent.length > 0) this.#probe("resources:list");
        });
      case "activities:list":
      case "activities:clear":
        if (call.type === "activities:clear") this.#activities.clear();
        return this.#after(asked, WORDLESS_MS, () =>
          this.#advance(call.id, { status: "success", activities: this.#activities.list }),
        );
      case "activities:cancel":
      case "resources:add:cancel":
        return this.#after(asked, CANCEL_LIMIT_MS, () => {
          for (const { request } of parts) this.#giveUp(request);
        });
    }
  }

  #askAgain(asked: Asked): void {
    const open = asked.parts.filter(({ heard }) => !isFinal(heard));
    for (const part of open) part.isLost = true;
    switch (asked.call.type) {
      case "resources:add":
        this.#probe("activities:list");
        this.#probe("resources:list");
        return this.#after(asked, SILENCE_LIMIT_MS, () => {
          for (const part of open) this.#repeat(part);
        });
      case "resources:remove":
        // Removed already or not: the list tells, and a second removal might fail for the first.
        return this.#probe("resources:list");
      default:
        for (const { request } of open) this.#options.send(request.fields);
    }
  }

  /** A question that no call waits for; what the answer tells is for all of them. */
  #probe(type: "resources:list" | "activities:list"): void {
    this.#options.send({ id: randomUuid(), type, createdAt: new Date().toISOString() });
  }

  /** @returns whether it is a list. */
  #isListed({ id, resources, status }: ShippedStatus): boolean {
    if (status === "error") return true;
    const isOurs = this.#asked.has(id ?? "");
    const listed = resources?.map(({ resource }) => resource);
    const text = listed && JSON.stringify(listed);
    const isNews = text !== this.#listText && !isOurs;
    if (resources !== undefined && text !== undefined) {
      this.#listText = text;
      this.#entries = new Map(resources.map((entry) => [entry.resource.hash, entry]));
      for (const { call, parts } of [...this.#asked.values()]) {
        for (const part of parts) this.#compare(call, part);
      }
    }
    if (isNews) this.#options.onChanged("resources");
    return resources !== undefined;
  }

  /** What the list says about a file that was asked for. */
  #compare({ type }: OpenCall, part: Part): void {
    const { request, heard } = part;
    if (request.ref === undefined || isFinal(heard)) return;
    const entry = this.#entries.get(request.ref.hash);
    if (type === "resources:add" && entry !== undefined && entry.resource.downloading !== true) {
      this.#advance(request.id, { status: "success", progress: 100 });
    } else if (type === "resources:remove" && part.isLost) {
      if (entry === undefined) this.#advance(request.id, { status: "success" });
      else this.#repeat(part);
    }
  }

  #repeat(part: Part): void {
    if (!part.isLost || isFinal(part.heard)) return;
    part.isLost = false;
    this.#options.send(part.request.fields);
  }

  /** Something was heard of one command, by its id. */
  #advance(id: string, heard: Partial<ShippedStatus>): void {
    for (const asked of [...this.#asked.values()]) {
      for (const part of asked.parts) {
        if (isFinal(part.heard)) continue;
        if (part.request.id === id) this.#hearPart(asked, part, heard);
        else if (part.request.target === id && isFinal(heard)) {
          part.ended = heard.status;
          part.heard = { status: "success" };
          this.#answer(asked);
        }
      }
    }
  }

  #hearPart(asked: Asked, part: Part, heard: Partial<ShippedStatus>): void {
    const { target } = part.request;
    part.isLost = false;
    if (target !== undefined && heard.status !== "error") return;
    if (target !== undefined && this.#isOpen(target)) {
      // No such download there, and one here: it died with the extension.
      this.#giveUp(part.request);
      return;
    }
    part.heard = heard;
    if (heard.status !== undefined && isFinal(heard)) {
      this.#activities.end(part.request.id, heard.status);
    }
    this.#answer(asked);
  }

  /** A cancel without an echo: what it was to stop is over on this side. */
  #giveUp({ id, target }: ShippedRequest): void {
    if (target === undefined) return;
    if (this.#isOpen(target)) this.#advance(target, { status: "canceled" });
    else this.#advance(id, SILENT);
  }

  #isOpen(id: string): boolean {
    return [...this.#asked.values()].some(({ parts }) =>
      parts.some(({ request, heard }) => request.id === id && !isFinal(heard)),
    );
  }

  #answer({ call, parts }: Asked): void {
    const isOver = parts.every(({ heard }) => isFinal(heard));
    // Only adds tell how far they are; what else is under way is no answer yet.
    if (!isOver && call.type !== "resources:add") return;
    this.#options.calls.answer(call.id, responseTo(call, parts, new Date().toISOString()));
  }

  #after(asked: Asked, ms: number, then: () => void): void {
    asked.timers.push(this.#options.clock.after(ms, then));
  }
}
