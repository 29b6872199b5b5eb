/**
 * Another engine behind the W3C's interface, in Node or in a page: sends back every message of every
 * channel. What it does not know of that interface (werift, node-datachannel) it is not asked for.
 */
import type { RtcSignal } from "@beeline/paths";

export class EchoPeer {
  readonly #connection: RTCPeerConnection;
  readonly #onSignal: (signal: RtcSignal) => void;

  /** @param isOfferer it opens a channel, too. */
  constructor(
    connection: RTCPeerConnection,
    isOfferer: boolean,
    onSignal: (signal: RtcSignal) => void,
  ) {
    this.#connection = connection;
    this.#onSignal = onSignal;
    connection.onicecandidate = ({ candidate }) => {
      if (candidate === null || candidate === undefined || candidate.candidate === "") return;
      const { candidate: text, sdpMid, sdpMLineIndex } = candidate;
      onSignal({ kind: "candidate", candidate: { candidate: text, sdpMid, sdpMLineIndex } });
    };
    connection.ondatachannel = ({ channel }) => echo(channel);
    if (isOfferer) {
      echo(connection.createDataChannel("echo"));
      void this.#describe("offer");
    }
  }

  async accept(signal: RtcSignal): Promise<void> {
    if (signal.kind === "candidate") {
      await this.#connection.addIceCandidate({
        candidate: signal.candidate.candidate,
        sdpMid: signal.candidate.sdpMid ?? "0",
        sdpMLineIndex: signal.candidate.sdpMLineIndex ?? 0,
      });
      return;
    }
    await this.#connection.setRemoteDescription({ type: signal.kind, sdp: signal.sdp });
    if (signal.kind === "offer") await this.#describe("answer");
  }

  close(): void {
    this.#connection.close();
  }

  async #describe(kind: "offer" | "answer"): Promise<void> {
    const description =
      kind === "offer"
        ? await this.#connection.createOffer()
        : await this.#connection.createAnswer();
    await this.#connection.setLocalDescription(description);
    const { localDescription } = this.#connection;
    if (localDescription !== null) this.#onSignal({ kind, sdp: localDescription.sdp });
  }
}

function echo(channel: RTCDataChannel): void {
  channel.binaryType = "arraybuffer";
  channel.onmessage = ({ data }) => channel.send(data);
}
