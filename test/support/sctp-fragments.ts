/** Chunks of user data made by hand, and what came of them as text. */
import type { DataChunk, ReceivedMessage } from "@beeline/sctp";

/** "B", "E", "BE" or "" and the payload's text. */
export function fragment(
  tsn: number,
  ends: string,
  text: string,
  more: Partial<DataChunk> = {},
): DataChunk {
  return {
    type: "data",
    isInterleaved: false,
    tsn,
    streamId: 1,
    messageId: 0,
    fragment: 0,
    protocolId: ends.startsWith("B") ? 51 : 0,
    isFirst: ends.includes("B"),
    isLast: ends.includes("E"),
    isUnordered: false,
    isImmediate: false,
    payload: new TextEncoder().encode(text),
    ...more,
  };
}

/** The same with its number in the message. */
export function iFragment(
  number: number,
  ends: string,
  text: string,
  more: Partial<DataChunk> = {},
) {
  return fragment(0, ends, text, { isInterleaved: true, fragment: number, ...more });
}

/** Takes every message whose turn it is. */
export function taken(reassembly: { take(): ReceivedMessage | undefined }): string[] {
  const texts: string[] = [];
  for (;;) {
    const message = reassembly.take();
    if (message === undefined) return texts;
    texts.push(new TextDecoder().decode(message.payload));
  }
}
