/**
 * A command service that tells of every command what came of it: for the owner's log and screen.
 *
 * Observers see types, states and figures, never a prompt, a picture or a secret.
 */

import type { Caller, CommandService, Subscriber } from "./service.ts";

export interface CommandEvent {
  readonly id: string;
  readonly type: string;
  readonly linkId: string;
  readonly client: string;
  readonly status: string;
  /** 0 to 100, where there is progress. */
  readonly progress: number | undefined;
  /** The error's code. */
  readonly code: string | undefined;
  readonly isFinal: boolean;
}

export function observeCommands(
  service: CommandService,
  observe: (event: CommandEvent) => void,
): CommandService {
  return {
    handle: (raw, caller, blobs, subscriber) =>
      service.handle(raw, caller, blobs, observed(subscriber, caller, observe)),
    acknowledge: (id, caller) => service.acknowledge(id, caller),
    onChanged: (listener) => service.onChanged(listener),
    close: () => service.close(),
  };
}

function observed(
  subscriber: Subscriber,
  caller: Caller,
  observe: (event: CommandEvent) => void,
): Subscriber {
  return {
    response: (response, isFinal) => {
      const { id, type, status, progress, error } = response;
      observe({
        id: String(id),
        type: String(type),
        linkId: caller.linkId,
        client: caller.name,
        status: String(status),
        progress: typeof progress === "number" ? progress : undefined,
        code: (error as { code?: string } | undefined)?.code,
        isFinal,
      });
      subscriber.response(response, isFinal);
    },
    preview: (preview) => subscriber.preview(preview),
    image: (image) => subscriber.image(image),
  };
}
