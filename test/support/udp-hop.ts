/**
 * The network under the direct path, as a port around an RTC engine: every datagram between the two
 * peers passes a hop that can go dark, delay and throttle.
 *
 * The engine's own candidates are replaced by the hop's addresses and the other side's are withheld,
 * so the other side finds the hop, and the engine finds the other side by what comes through it (a
 * peer-reflexive candidate): what two peers behind a router would do. DTLS and SCTP run end to end.
 */

import { createSocket, type Socket } from "node:dgram";
import type { CreateRtcPeer, RtcPeer, RtcSignal } from "@beeline/paths";
import { ByteMeter } from "./byte-meter.ts";
import { DelayLine, UNLIMITED, type WireShape } from "./delay-line.ts";

/** A home router's buffer: 100 ms at 20 Mbit/s. What does not fit is dropped. */
const BUFFER_BYTES = 250 * 1024;

export class UdpHop {
  /** Datagrams from the engine that was wrapped, and to it. */
  readonly out = new ByteMeter();
  readonly back = new ByteMeter();
  readonly #doors = new Set<Door>();
  readonly #open = new Map<RtcPeer, () => void>();
  #shape = UNLIMITED;
  #isDark = false;

  /** The same engine, with its datagrams going through this hop. */
  wrap(create: CreateRtcPeer): CreateRtcPeer {
    return (options, handlers) => {
      const doors: Door[] = [];
      const closeDoors = (): void => {
        this.#open.delete(peer);
        for (const door of doors) {
          this.#doors.delete(door);
          door.close();
        }
      };
      const peer = create(options, {
        ...handlers,
        onSignal: (signal) => {
          if (signal.kind !== "candidate") return handlers.onSignal(withoutCandidates(signal));
          const candidate = HostCandidate.parse(signal.candidate.candidate);
          if (candidate === undefined) return;
          const door = this.#openDoor(candidate);
          doors.push(door);
          void door.port.then((port) =>
            handlers.onSignal({
              kind: "candidate",
              candidate: { ...signal.candidate, candidate: candidate.withPort(port) },
            }),
          );
        },
        onClose: (reason) => {
          closeDoors();
          handlers.onClose(reason);
        },
      });
      this.#open.set(peer, () => {
        peer.close();
        closeDoors();
        handlers.onClose("channel-closed");
      });
      return {
        accept: (signal) => {
          if (signal.kind !== "candidate") peer.accept(withoutCandidates(signal));
        },
        send: (message) => peer.send(message),
        isSelfPaced: peer.isSelfPaced,
        get bufferedBytes() {
          return peer.bufferedBytes;
        },
        close: () => {
          peer.close();
          closeDoors();
        },
      };
    };
  }

  /** Both ways; the delay is that of one way. */
  shape(shape: WireShape): void {
    this.#shape = shape;
    for (const door of this.#doors) door.shape(shape);
  }

  /** Every datagram is lost from now on, also those of new attempts. Nobody is told. */
  goDark(): void {
    this.#isDark = true;
  }

  light(): void {
    this.#isDark = false;
  }

  /** Closes the open channels, as an engine does whose other side hung up. */
  hangUp(): void {
    for (const close of [...this.#open.values()]) close();
  }

  close(): void {
    for (const door of this.#doors) door.close();
    this.#doors.clear();
  }

  #openDoor(candidate: HostCandidate): Door {
    const door = new Door(candidate, {
      isDark: () => this.#isDark,
      out: this.out,
      back: this.back,
    });
    door.shape(this.#shape);
    this.#doors.add(door);
    return door;
  }
}

interface Hop {
  isDark(): boolean;
  readonly out: ByteMeter;
  readonly back: ByteMeter;
}

/** One address of the engine as the other side sees it, and a way back for each who knocks there. */
class Door {
  readonly port: Promise<number>;
  readonly #front: Socket;
  readonly #ways = new Map<string, { readonly socket: Socket; readonly lines: Lines }>();
  readonly #engine: HostCandidate;
  readonly #hop: Hop;
  #shape = UNLIMITED;
  #isClosed = false;

  constructor(engine: HostCandidate, hop: Hop) {
    this.#engine = engine;
    this.#hop = hop;
    this.#front = createSocket("udp4");
    this.port = new Promise((resolve) => {
      this.#front.bind(0, engine.address, () => resolve(this.#front.address().port));
    });
    this.#front.on("message", (bytes, from) => {
      this.#carry(this.#wayOf(from.address, from.port).toEngine, bytes);
    });
  }

  shape(shape: WireShape): void {
    this.#shape = shape;
    for (const { lines } of this.#ways.values()) {
      lines.toEngine.shape = shape;
      lines.toOther.shape = shape;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#front.close();
    for (const { socket, lines } of this.#ways.values()) {
      socket.close();
      lines.toEngine.clear();
      lines.toOther.clear();
    }
  }

  #wayOf(address: string, port: number): Lines {
    const name = `${address}:${port}`;
    const known = this.#ways.get(name);
    if (known !== undefined) return known.lines;
    const socket = createSocket("udp4");
    const lines: Lines = {
      toEngine: new DelayLine((bytes) => {
        socket.send(bytes, this.#engine.port, this.#engine.address);
        this.#hop.back.add(bytes.byteLength);
      }),
      toOther: new DelayLine((bytes) => {
        this.#front.send(bytes, port, address);
        this.#hop.out.add(bytes.byteLength);
      }),
    };
    lines.toEngine.shape = this.#shape;
    lines.toOther.shape = this.#shape;
    socket.bind(0, this.#engine.address);
    socket.on("message", (bytes) => this.#carry(lines.toOther, bytes));
    this.#ways.set(name, { socket, lines });
    return lines;
  }

  #carry(line: DelayLine<Buffer>, bytes: Buffer): void {
    const isFull = line.waitingBytes > BUFFER_BYTES;
    if (!this.#hop.isDark() && !isFull) line.push(bytes, bytes.byteLength);
  }
}

interface Lines {
  readonly toEngine: DelayLine<Buffer>;
  readonly toOther: DelayLine<Buffer>;
}

/** `candidate:foundation component protocol priority address port typ host …` (RFC 8839, section 5.1). */
class HostCandidate {
  readonly address: string;
  readonly port: number;
  readonly #fields: readonly string[];

  private constructor(fields: readonly string[]) {
    this.#fields = fields;
    this.address = fields[4] as string;
    this.port = Number(fields[5]);
  }

  /** @returns undefined for what the hop does not carry: TCP, IPv6 and addresses found by STUN. */
  static parse(text: string): HostCandidate | undefined {
    const fields = text.split(" ");
    const isCarried =
      fields[2]?.toLowerCase() === "udp" && fields[4]?.includes(".") && fields[7] === "host";
    return isCarried ? new HostCandidate(fields) : undefined;
  }

  withPort(port: number): string {
    return this.#fields.with(5, String(port)).join(" ");
  }
}

function withoutCandidates(
  signal: Extract<RtcSignal, { kind: "offer" | "answer" }>,
): Extract<RtcSignal, { kind: "offer" | "answer" }> {
  return { ...signal, sdp: signal.sdp.replace(/^a=candidate:.*\r?\n/gm, "") };
}
