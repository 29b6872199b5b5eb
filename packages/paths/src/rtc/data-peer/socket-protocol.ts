/**
 * One UDP socket at one of our addresses, as werift's ICE wants its sockets: STUN questions with their
 * repetitions, STUN requests of others, and everything else handed to the owner at once.
 *
 * Differs from werift's own `StunProtocol`, which it stands in for: it is bound to its address, so
 * that a check leaves by the interface it speaks for; a request must be signed with our password
 * before anybody hears of it (RFC 8445 section 7.3); closing leaves no timer behind; data does not
 * pass a promise, a parser for STUN and two events per datagram.
 *
 * Measured (loopback, 1237 bytes, Node 20.20): `send` costs 7 to 8 µs, nearly all of it the kernel's
 * sendmsg and the receiver's interrupt; the look-up of a numeric address that Node makes for each
 * unconnected send is 0.5 to 1 µs and two turns of the tick queue, and is skipped here. A connected
 * socket would save as much again, but hears nobody else: ICE needs it to. Node reads up to 32
 * datagrams per turn of the event loop, one recvmsg (5 µs) each.
 */

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIP } from "node:net";
import {
  type Address,
  type Candidate,
  classes,
  Event,
  type Message,
  type Protocol,
  parseMessage,
  RETRY_MAX,
  RETRY_RTO,
  type TransactionRequestOptions,
} from "werift";

export interface SocketOwner {
  /** The password of ours that belongs to the name in a request; undefined refuses it. */
  passwordOf(username: string): string | undefined;
  /** A datagram that is not STUN; its memory is the owner's. */
  onDatagram(datagram: Buffer, address: string, port: number): void;
}

/** RFC 7983 section 7: the first byte of STUN. */
const MAX_STUN_FIRST_BYTE = 3;
/**
 * A burst of a fast sender while this process is busy for 10 ms at 100 MB/s. Linux grants what
 * net.core.rmem_max allows, 208 KiB unless it was raised.
 */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/** What werift's ICE reads of a refusal. */
class StunFailure extends Error {
  readonly response: Message | undefined;

  constructor(message: string, response?: Message) {
    super(message);
    this.response = response;
  }
}

interface Question {
  readonly address: Address;
  readonly integrityKey: Buffer | undefined;
  answer(response: Message): void;
  giveUp(): void;
}

export class SocketProtocol implements Protocol {
  readonly type = "stun";
  readonly localIp: string;
  localCandidate?: Candidate;
  readonly onRequestReceived = new Event<[Message, Address, Buffer]>();
  /** For werift only; data goes to the owner. */
  readonly onDataReceived = new Event<[Buffer]>();
  readonly #socket: Socket;
  readonly #owner: SocketOwner;
  readonly #questions = new Map<string, Question>();
  #isClosed = false;

  constructor(address: string, owner: SocketOwner) {
    this.localIp = address;
    this.#owner = owner;
    const family = isIP(address) === 6 ? 6 : 4;
    this.#socket = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      // Only numeric addresses come here, and need no look-up.
      lookup: (name, _options, found) => found(null, name, family),
    });
    this.#socket.on("message", (datagram, from) => this.#receive(datagram, from));
  }

  /** @throws if the address is no longer ours. */
  async connectionMade(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.bind(0, this.localIp, () => {
        this.#socket.off("error", reject);
        resolve();
      });
    });
    // From here on errors are those of single datagrams, which UDP may lose anyway.
    this.#socket.on("error", () => {});
    try {
      this.#socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // Some systems refuse what is above their limit; theirs does.
    }
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** The hot path: no promise, no callback; errors are losses. */
  send(datagram: Uint8Array, address: string, port: number): void {
    if (!this.#isClosed) this.#socket.send(datagram, port, address);
  }

  async sendData(datagram: Buffer, [address, port]: Address): Promise<void> {
    this.send(datagram, address, port);
  }

  async sendStun(message: Message, [address, port]: Address): Promise<void> {
    this.send(message.bytes, address, port);
  }

  async request(
    message: Message,
    address: Address,
    integrityKey?: Buffer,
    given?: number | TransactionRequestOptions,
    onRequestSent?: (attempt: number) => void,
  ): Promise<[Message, Address]> {
    if (integrityKey !== undefined) message.addMessageIntegrity(integrityKey).addFingerprint();
    const options: TransactionRequestOptions =
      typeof given === "object"
        ? { ...given }
        : given === undefined
          ? {}
          : { retransmissions: given };
    if (onRequestSent !== undefined) options.onRequestSent ??= onRequestSent;
    const response = await this.#ask(message, address, integrityKey, options);
    return [response, address];
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const question of [...this.#questions.values()]) question.giveUp();
    this.onRequestReceived.complete();
    this.onDataReceived.complete();
    this.#socket.close();
  }

  #ask(
    message: Message,
    address: Address,
    integrityKey: Buffer | undefined,
    options: TransactionRequestOptions,
  ): Promise<Message> {
    const id = message.transactionIdHex;
    return new Promise<Message>((resolve, reject) => {
      const tries = 1 + (options.retransmissions ?? RETRY_MAX);
      let waitMs = options.responseTimeout ?? RETRY_RTO;
      let attempt = 0;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        this.#questions.delete(id);
        options.signal?.removeEventListener("abort", giveUp);
      };
      const giveUp = (): void => {
        settle();
        reject(new StunFailure("nobody answered"));
      };
      const tell = (): void => {
        if (attempt >= tries || this.#isClosed || options.signal?.aborted === true) return giveUp();
        options.onRequestSent?.(attempt);
        this.send(message.bytes, address[0], address[1]);
        timer = setTimeout(tell, waitMs);
        waitMs *= 2;
        attempt += 1;
      };
      const answer = (response: Message): void => {
        settle();
        if (response.messageClass === classes.RESPONSE) resolve(response);
        else reject(new StunFailure("refused", response));
      };
      options.signal?.addEventListener("abort", giveUp);
      this.#questions.set(id, { address, integrityKey, answer, giveUp });
      tell();
    });
  }

  #receive(datagram: Buffer, { address, port }: RemoteInfo): void {
    const from = address.includes("%") ? address.slice(0, address.indexOf("%")) : address;
    if ((datagram[0] ?? 0) > MAX_STUN_FIRST_BYTE) this.#owner.onDatagram(datagram, from, port);
    else this.#receiveStun(datagram, [from, port]);
  }

  #receiveStun(datagram: Buffer, from: Address): void {
    const message = parse(datagram);
    if (message === undefined) return;
    if (message.messageClass === classes.REQUEST) {
      if (this.#isSigned(datagram, message))
        this.onRequestReceived.execute(message, from, datagram);
      return;
    }
    const question = this.#questions.get(message.transactionIdHex);
    if (question === undefined) return;
    const { address, integrityKey } = question;
    if (address[0] !== from[0] || address[1] !== from[1]) return;
    if (integrityKey !== undefined && !hasIntegrity(datagram, message, integrityKey)) return;
    question.answer(message);
  }

  #isSigned(datagram: Buffer, message: Message): boolean {
    const username: unknown = message.getAttributeValue("USERNAME");
    if (typeof username !== "string") return false;
    const password = this.#owner.passwordOf(username.split(":")[0] ?? "");
    return password !== undefined && hasIntegrity(datagram, message, Buffer.from(password));
  }
}

function hasIntegrity(datagram: Buffer, message: Message, key: Buffer): boolean {
  return message.attributesKeys.includes("MESSAGE-INTEGRITY") && parse(datagram, key) !== undefined;
}

/** werift throws on some malformed messages and returns undefined for others. */
function parse(datagram: Buffer, key?: Buffer): Message | undefined {
  try {
    return parseMessage(datagram, key);
  } catch {
    return undefined;
  }
}
