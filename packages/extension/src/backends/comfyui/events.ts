/**
 * What ComfyUI says on its socket, read with suspicion. Pure.
 *
 * Texts are JSON, binary frames are previews with big-endian headers; custom nodes send others of
 * their own, which are passed over.
 */

export type ComfyEvent =
  /** The queue changed. */
  | { readonly kind: "status" }
  | { readonly kind: "started"; readonly promptId: string }
  | {
      readonly kind: "progress";
      readonly promptId: string;
      readonly node: string;
      readonly value: number;
      readonly max: number;
    }
  /** The prompt is over, well or not: its history says how. */
  | { readonly kind: "ended"; readonly promptId: string }
  /** `promptId` is undefined on servers older than the flag that we ask for. */
  | {
      readonly kind: "preview";
      readonly promptId: string | undefined;
      readonly bytes: Uint8Array;
    };

/** Asks that previews say which prompt they belong to; must be the first message. */
export const FEATURE_FLAGS = JSON.stringify({
  type: "feature_flags",
  data: { supports_preview_metadata: true },
});

const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
/** Before the picture: event and type, or event and length. */
const HEADER_BYTES = 8;

export function readText(text: string): readonly ComfyEvent[] {
  const message = parse(text);
  const data = record(message.data);
  const promptId = string(data.prompt_id);
  switch (message.type) {
    case "status":
      return [{ kind: "status" }];
    case "execution_start":
      return promptId === undefined ? [] : [{ kind: "started", promptId }];
    case "executing":
      // Older servers end a prompt by executing nothing.
      if (promptId === undefined) return [];
      return [{ kind: data.node === null ? "ended" : "started", promptId }];
    case "execution_success":
    case "execution_error":
    case "execution_interrupted":
      return promptId === undefined ? [] : [{ kind: "ended", promptId }];
    case "progress":
      return progress(promptId, string(data.node), data);
    case "progress_state":
      return Object.entries(record(data.nodes)).flatMap(([node, state]) =>
        progress(promptId, node, record(state)),
      );
    default:
      return [];
  }
}

export function readBinary(frame: Uint8Array): readonly ComfyEvent[] {
  if (frame.length <= HEADER_BYTES) return [];
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const event = view.getUint32(0);
  if (event === PREVIEW) {
    return [{ kind: "preview", promptId: undefined, bytes: frame.subarray(HEADER_BYTES) }];
  }
  if (event !== PREVIEW_WITH_METADATA) return [];
  const end = HEADER_BYTES + view.getUint32(4);
  if (end >= frame.length) return [];
  const metadata = parse(Buffer.from(frame.subarray(HEADER_BYTES, end)).toString("utf8"));
  const promptId = string(metadata.prompt_id);
  return promptId === undefined ? [] : [{ kind: "preview", promptId, bytes: frame.subarray(end) }];
}

function progress(
  promptId: string | undefined,
  node: string | undefined,
  { value, max }: Readonly<Record<string, unknown>>,
): readonly ComfyEvent[] {
  if (promptId === undefined || node === undefined) return [];
  if (typeof value !== "number" || typeof max !== "number") return [];
  return [{ kind: "progress", promptId, node, value, max }];
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return record(JSON.parse(text));
  } catch {
    return {};
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function string(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
