/**
 * A machine of the lab: a network namespace with one interface, `eth0`, that is plugged into a
 * router's LAN or, with a public address, straight into the internet.
 *
 * Everything that runs in it is started by {@link Host.spawn}, and is ended with the lab.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Link } from "./link.ts";
import { run } from "./system.ts";

/** Where a host may be plugged in. */
export interface Socket {
  plug(host: Host): Promise<Plug>;
}

/** A host's present connection. */
export interface Plug {
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** The link that the host is at the end of; a LAN's cables are none. */
  readonly link?: Link;
  /** Nothing gets through either way; the host's interface does not notice. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  unplug(): Promise<void>;
}

/** What a host is made of. */
export interface HostPlace {
  readonly namespace: string;
  readonly folder: string;
  readonly names: string;
}

export class Host {
  readonly name: string;
  readonly namespace: string;
  /** Its disk. */
  readonly folder: string;
  /** The file in which the lab's names are. */
  readonly #names: string;
  #socket: Socket;
  #plug: Plug | undefined;

  private constructor(name: string, place: HostPlace, socket: Socket) {
    this.name = name;
    this.namespace = place.namespace;
    this.folder = place.folder;
    this.#names = place.names;
    this.#socket = socket;
  }

  static async create(name: string, place: HostPlace, socket: Socket): Promise<Host> {
    mkdirSync(place.folder);
    const host = new Host(name, place, socket);
    host.#plug = await socket.plug(host);
    return host;
  }

  get ipv4(): string | undefined {
    return this.#plug?.ipv4;
  }

  get ipv6(): string | undefined {
    return this.#plug?.ipv6;
  }

  /** Its own link to the internet. @throws behind a router, which has the link. */
  get link(): Link {
    const link = this.#plug?.link;
    if (link === undefined) throw new Error(`${this.name} has no link of its own`);
    return link;
  }

  /** Its address as others write it in a URL. */
  urlHost(family: "ipv4" | "ipv6" = this.ipv4 === undefined ? "ipv6" : "ipv4"): string {
    const address = this[family];
    if (address === undefined) throw new Error(`${this.name} has no ${family} address`);
    return family === "ipv6" ? `[${address}]` : address;
  }

  /**
   * What a command line begins with, to run on this host: in its network, and with the lab's names
   * where the system looks names up. Nobody else sees that file in that place.
   */
  get enter(): readonly string[] {
    return [
      ...["nsenter", `--net=/run/netns/${this.namespace}`, "unshare", "--mount"],
      ...["sh", "-ec", `mount --bind "$0" /etc/hosts; exec "$@"`, this.#names],
    ];
  }

  /** A program on this host; it leads a process group of its own. */
  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [enter = "", ...where] = this.enter;
    return spawn(enter, [...where, program, ...args], { ...options, detached: true });
  }

  /** A program on this host, run to its end. @throws if it fails. */
  run(program: string, ...args: readonly string[]): string {
    const [enter = "", ...where] = this.enter;
    return run(enter, [...where, program, ...args]);
  }

  /** As if the cable were cut somewhere on the way: silence, and no interface goes down. */
  async cut(): Promise<void> {
    await this.#connected().cut();
  }

  async restore(): Promise<void> {
    await this.#connected().restore();
  }

  /** Another network, or another address in the same one; the old address is gone at once. */
  async roam(to: Socket = this.#socket): Promise<void> {
    await this.unplug();
    this.#socket = to;
    this.#plug = await to.plug(this);
  }

  /** No network at all, and its programs can see that; {@link roam} ends it. */
  async unplug(): Promise<void> {
    await this.#plug?.unplug();
    this.#plug = undefined;
  }

  /**
   * The lid is closed: its programs stand still and its network is silent. (Clocks go on, which on a
   * sleeping machine some do and some do not.)
   */
  async sleep(): Promise<void> {
    await this.cut();
    this.#signal("STOP");
  }

  async wake(): Promise<void> {
    this.#signal("CONT");
    await this.restore();
  }

  /** Whoever was missed may have been started by one that still ran: until nobody is new. */
  #signal(signal: "STOP" | "CONT"): void {
    const told = new Set<number>();
    for (;;) {
      const pids = run("ip", ["netns", "pids", this.namespace]).split("\n").filter(Boolean);
      const missed = pids.map(Number).filter((pid) => !told.has(pid));
      if (missed.length === 0) return;
      for (const pid of missed) {
        told.add(pid);
        tell(pid, signal);
      }
    }
  }

  #connected(): Plug {
    if (this.#plug === undefined) throw new Error(`${this.name} is unplugged`);
    return this.#plug;
  }
}

function tell(pid: number, signal: "STOP" | "CONT"): void {
  try {
    process.kill(pid, `SIG${signal}`);
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
