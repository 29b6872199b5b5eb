/**
 * The public shape of `@beeline/client`, the same in a browser and in Node.
 *
 * Every promise settles: with a value, or with a `BeelineError` that carries a code and a remedy.
 */

import type { TokenSource } from "@beeline/paths";
import type {
  Activity,
  BeelineError,
  DirectReason,
  ExtensionInfo,
  ImageInfo,
  RequestInput,
  Resource,
  ResourceProgress,
  ResourceRef,
  ResourceToAdd,
  ResourceType,
  Status,
} from "@beeline/protocol";

/**
 * `preferDirect` (default): direct whenever it is open and meets what the job needs.
 * `fastest`: bulk goes where it is measurably faster. `saveRelay`: direct even when slower.
 * `relayOnly`: never tries direct.
 */
export type PathPolicy = "preferDirect" | "fastest" | "saveRelay" | "relayOnly";

export interface ConnectOptions {
  /** The link server's origin, e.g. `https://link.example.org`. */
  readonly server: string;
  readonly key: string;
  readonly policy?: PathPolicy;
  /**
   * A JWT of the site's own accounts, or what fetches one for each connection. Only a link that is
   * not paired yet asks for it, unless the browser's cookie says already whose it is.
   */
  readonly token?: TokenSource;
  /** Shown to the extension. */
  readonly name?: string;
  /**
   * Identifies this client across reloads, so that it finds its running jobs again: 16 bytes or
   * more of randomness as hex. Default: kept in `sessionStorage` in a browser, drawn anew in Node.
   */
  readonly clientId?: string;
  readonly signal?: AbortSignal;
}

/**
 * `joining`: no answer from the server yet (or again). `waiting`: in the room, no extension there.
 * `linked`: commands are answered. `closed`: for good; `error` says why unless you closed it.
 */
export type LinkState = "joining" | "waiting" | "linked" | "closed";

/**
 * What answers the commands. `shipped`: a Civitai Link extension of today, which lists, adds and
 * removes resources over the relay; what else it is asked for fails with `COMMAND_UNSUPPORTED`.
 */
export type ExtensionKind = "beeline" | "shipped";

export interface PathReport {
  readonly kind: "relay" | "direct";
  readonly reason: DirectReason;
  /** The reason as a sentence. */
  readonly message: string;
}

export interface PathStats {
  readonly kind: "relay" | "direct";
  readonly generation: number;
  readonly state: "open" | "suspect" | "closed";
  /** Smoothed round trip, once measured. */
  readonly rttMs: number | undefined;
  readonly lossRatio: number;
  /** Acknowledged bytes per second while busy; unknown until something large went through. */
  readonly goodput: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly resentBytes: number;
}

/** One attempt to connect directly; times in ms since it began. */
export interface AttemptReport {
  readonly generation: number;
  readonly outcome: "connecting" | "open" | "failed";
  readonly reason: DirectReason;
  readonly phases: Readonly<Record<string, number>>;
}

export interface LinkStats {
  readonly path: PathReport;
  readonly paths: readonly PathStats[];
  readonly attempts: readonly AttemptReport[];
  readonly switches: readonly {
    readonly to: "relay" | "direct";
    readonly atMs: number;
    readonly gapMs: number;
  }[];
}

export interface LinkEvents {
  state: (state: LinkState, error: BeelineError | undefined) => void;
  path: (path: PathReport) => void;
  /** An extension of another kind than before answers from now on. */
  extension: (kind: ExtensionKind) => void;
  /** About once a second while the link is up. */
  stats: (stats: LinkStats) => void;
  /** The server replaced the short key: store this one. */
  rekey: (key: string) => void;
  /** The extension's resources or activities changed; ask again. */
  changed: (what: "resources" | "activities") => void;
}

export interface LinkImage extends ImageInfo {
  /** The encoded picture, checked against `sha256`. */
  readonly bytes: Uint8Array;
  /** Which path carried its last byte, and how long from the request to that byte. */
  readonly path: "relay" | "direct";
  readonly elapsedMs: number;
}

export type ImageUpdate =
  | { readonly kind: "status"; readonly status: Status; readonly queuePosition: number | undefined }
  | {
      readonly kind: "progress";
      readonly progress: number;
      readonly step: number;
      readonly steps: number;
      readonly etaMs: number | undefined;
    }
  | {
      readonly kind: "preview";
      readonly index: number;
      readonly mime: string;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "image"; readonly image: LinkImage }
  /** Bytes of a finished image that have arrived so far. */
  | {
      readonly kind: "transfer";
      readonly index: number;
      readonly received: number;
      readonly size: number;
    };

/** A running command. Iterate for updates (each update goes to one iterator), await `result` for the end. */
export interface Job<Update, Result> extends AsyncIterable<Update> {
  readonly id: string;
  readonly result: Promise<Result>;
  /** Idempotent; `result` then rejects with `CANCELED`. */
  cancel(): void;
}

export type ImageJob = Job<ImageUpdate, { readonly images: readonly LinkImage[] }>;

export interface ResourcesUpdate {
  readonly status: Status;
  readonly resources: readonly ResourceProgress[];
}
export type ResourcesJob = Job<ResourcesUpdate, ResourcesUpdate>;

export interface JobOptions {
  /** Use your own to find a job again after a reload. Default: a fresh UUID. */
  readonly id?: string;
  readonly signal?: AbortSignal;
}

type Txt2Img = RequestInput<"image:txt2img">;
type Img2Img = RequestInput<"image:img2img">;
/** As the specification has it, and raw bytes besides. */
export type Picture = string | Uint8Array;
export type Img2ImgInput = Omit<Img2Img, "params"> & {
  readonly params: Omit<Img2Img["params"], "initImage" | "maskImage"> & {
    readonly initImage: Picture;
    readonly maskImage?: Picture;
  };
};

export interface Link {
  readonly key: string;
  readonly state: LinkState;
  /** The last one that was there; undefined until one was. */
  readonly extension: ExtensionKind | undefined;
  readonly path: PathReport;
  /** @returns a function that removes the listener. */
  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void;
  txt2img(request: Txt2Img, options?: JobOptions): ImageJob;
  img2img(request: Img2ImgInput, options?: JobOptions): ImageJob;
  describe(options?: JobOptions): Promise<ExtensionInfo>;
  listResources(
    types?: readonly ResourceType[],
    options?: JobOptions,
  ): Promise<readonly Resource[]>;
  addResources(resources: readonly ResourceToAdd[], options?: JobOptions): ResourcesJob;
  /** @param addId the id of the job that `addResources` returned. */
  cancelAdd(addId: string, resources: readonly ResourceRef[]): Promise<readonly ResourceProgress[]>;
  removeResources(
    resources: readonly ResourceRef[],
    options?: JobOptions,
  ): Promise<readonly ResourceProgress[]>;
  listActivities(options?: JobOptions): Promise<readonly Activity[]>;
  clearActivities(): Promise<void>;
  /** Away from `relayOnly`, the link may be `joining` for a moment: the server has to be told. */
  setPolicy(policy: PathPolicy): void;
  stats(): LinkStats;
  /**
   * Waits until the extension holds everything that was sent, then leaves.
   * @throws {BeelineError} `DELIVERY_INCOMPLETE` naming what is missing, after `timeoutMs` (default 5,000).
   */
  close(timeoutMs?: number): Promise<void>;
}
