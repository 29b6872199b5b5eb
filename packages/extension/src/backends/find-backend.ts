/**
 * Finds the Stable Diffusion that runs on this machine, or says what was tried.
 *
 * Looks only where such programs usually listen, or where the owner says. Never chooses the demo:
 * whoever wants that names it.
 */

import { BeelineError } from "@beeline/protocol";
import type { ImageBackend } from "../image-backend.ts";
import { A1111Backend } from "./a1111/a1111-backend.ts";
import { ComfyUiBackend } from "./comfyui/comfyui-backend.ts";
import { SdServerBackend } from "./sd-server/sd-server-backend.ts";
import type { BackendAddress } from "./shared/backend-http.ts";

export const REAL_BACKENDS = ["a1111", "comfyui", "sd-server"] as const;
export type RealBackend = (typeof REAL_BACKENDS)[number];

/** Where each program listens unless told otherwise; ComfyUI's desktop application uses 8000. */
const USUAL: readonly (readonly [RealBackend, port: number])[] = [
  ["a1111", 7860],
  ["a1111", 7861],
  ["comfyui", 8188],
  ["comfyui", 8000],
  ["sd-server", 1234],
];

export interface FindBackendOptions {
  /** Absent: whichever answers. */
  readonly kind?: RealBackend | undefined;
  /** Absent: the usual ports of this machine. A user and a password in it become credentials. */
  readonly url?: string | undefined;
  /** The owner's credentials, as headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Leaves ComfyUI's graph in its pictures. */
  readonly keepWorkflow?: boolean;
  /** In place of the usual ports. */
  readonly usual?: typeof USUAL;
}

export interface FoundBackend {
  readonly backend: ImageBackend;
  readonly kind: RealBackend;
  readonly url: string;
}

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` with every address and what it said. */
export async function findBackend(options: FindBackendOptions): Promise<FoundBackend> {
  const failures: string[] = [];
  for (const [kind, url] of placesToLook(options)) {
    const backend = open(kind, addressOf(url, options.headers ?? {}), options);
    try {
      await backend.probe();
      return { backend, kind, url: addressOf(url, {}).url };
    } catch (error) {
      await backend.close();
      failures.push(`${kind}: ${BeelineError.from(error).detail}`);
    }
  }
  throw new BeelineError(
    "BACKEND_UNAVAILABLE",
    `no Stable Diffusion was found; tried ${failures.join("; ")}`,
  );
}

function placesToLook(options: FindBackendOptions): readonly (readonly [RealBackend, string])[] {
  const { kind, url, usual = USUAL } = options;
  if (url !== undefined) {
    const kinds = kind === undefined ? REAL_BACKENDS : [kind];
    return kinds.map((each) => [each, url]);
  }
  return usual
    .filter(([each]) => kind === undefined || each === kind)
    .map(([each, port]) => [each, `http://127.0.0.1:${port}`]);
}

/** @throws {BeelineError} `BACKEND_UNAVAILABLE` for what is no http address. */
function addressOf(text: string, headers: Readonly<Record<string, string>>): BackendAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new BeelineError("BACKEND_UNAVAILABLE", "the backend's address must begin with http://");
  }
  const { username, password } = url;
  const plain = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  if (username === "") return { url: plain, headers };
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(user).toString("base64")}`;
  return { url: plain, headers: { authorization, ...headers } };
}

function open(
  kind: RealBackend,
  address: BackendAddress,
  { keepWorkflow = false }: FindBackendOptions,
): ImageBackend {
  if (kind === "a1111") return new A1111Backend(address);
  if (kind === "sd-server") return new SdServerBackend(address);
  return new ComfyUiBackend({ ...address, keepWorkflow });
}
