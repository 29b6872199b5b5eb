/** An HTTP client with the few options that the desktop app gives one, on Node's own `fetch`. */

interface Options {
  readonly headers?: Record<string, string>;
  readonly responseType?: "stream" | "arraybuffer";
  readonly signal?: AbortSignal;
  readonly cancelToken?: AbortController;
  readonly onDownloadProgress?: (progress: { loaded: number; total: number }) => void;
}

/** The app asks what a hash is before it downloads; trials have no network. */
const HASHES = "https://civitai.com/api/v1/model-versions/by-hash/";

async function get(
  url: string,
  options: Options = {},
): Promise<{ data: unknown; headers: object }> {
  if (url.startsWith(HASHES)) return { data: versionOf(url.slice(HASHES.length)), headers: {} };
  if (new URL(url).hostname !== "127.0.0.1") throw new Error(`no network in trials: ${url}`);
  const signal = options.signal ?? options.cancelToken?.signal ?? null;
  const response = await fetch(url, { headers: options.headers ?? {}, signal });
  const headers = Object.fromEntries(response.headers);
  if (options.responseType === "stream") return { data: response.body, headers };
  const total = Number(headers["content-length"]);
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    loaded += chunk.byteLength;
    options.onDownloadProgress?.({ loaded, total });
  }
  return { data: Buffer.concat(chunks), headers };
}

function versionOf(hash: string): object {
  return {
    id: 1,
    modelId: 1,
    name: "v1",
    downloadUrl: "",
    baseModel: "SD 1.5",
    trainedWords: [],
    model: { name: hash.slice(0, 8), type: "LORA", nsfw: false, poi: false },
    files: [],
    images: [],
  };
}

const CancelToken = {
  source() {
    const token = new AbortController();
    return { token, cancel: () => token.abort() };
  },
};

export class AxiosError extends Error {}

export default { get, CancelToken, isCancel: () => false };
