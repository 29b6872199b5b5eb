/**
 * A connection by bare requests of the polling transport, for tests that say what no library says.
 *
 * Packets are the caller's, as text: of the engine first (`4` for a message), then of socket.io.
 */

const SEPARATOR = "\x1e";

export class PollingPeer {
  readonly #address: string;
  readonly #sid: string;

  private constructor(address: string, sid: string) {
    this.#address = address;
    this.#sid = sid;
  }

  /** Shakes hands; there is no socket on the connection yet. */
  static async open(url: string, path: string): Promise<PollingPeer> {
    const address = `${url}${path}/?EIO=4&transport=polling`;
    const answer = await (await fetch(address)).text();
    const { sid } = JSON.parse(answer.slice(1)) as { sid: string };
    return new PollingPeer(address, sid);
  }

  /**
   * Sends packets in one request.
   * @param query before the connection's own id.
   * @returns the status, or 0 if the server cut the request off.
   */
  async say(packets: readonly string[], query = ""): Promise<number> {
    const body = packets.join(SEPARATOR);
    const url = `${this.#address}${query}&sid=${this.#sid}`;
    return fetch(url, { method: "POST", body }).then(
      ({ status }) => status,
      () => 0,
    );
  }

  /** The packets that wait, once there is one; none if the connection is not known any more. */
  async hear(): Promise<string[]> {
    const response = await fetch(`${this.#address}&sid=${this.#sid}`);
    return response.ok ? (await response.text()).split(SEPARATOR) : [];
  }

  /** Enters a room as a shipped site. */
  async join(key: string): Promise<void> {
    await this.say(["40"]);
    await this.#hearAbout("40");
    await this.say(['42["iam",{"type":"client"}]', `421["join","${key}"]`]);
    await this.#hearAbout("431");
  }

  /** Hears until a packet begins with `start`. */
  async #hearAbout(start: string): Promise<void> {
    while (!(await this.hear()).some((packet) => packet.startsWith(start)));
  }
}
