/**
 * ComfyUI as its server behaves, misbehaviour included.
 *
 * Follows Comfy-Org/ComfyUI (2025-10): server.py (`/prompt` takes the caller's prompt_id, `/history`
 * is `{}` for what is unknown and for what still runs, targeted `/interrupt`, uploads), execution.py
 * (`value_not_in_list`, events go to the prompt's client only, unknown inputs count for the cache),
 * main.py (`execution_success` before the history has it, then `executing` of nothing), protocol.py
 * and server.py's send_image (event 4 with metadata once asked for). A socket that broke is told
 * nothing of what it missed. `/api/jobs` as in Comfy-Org/ComfyUI#14493, switched on by `hasJobsApi`.
 */
import { basename } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { type Asked, FakeHttp, type Reply } from "./fake-http.ts";
import { drawFake } from "./fake-picture.ts";
import { Gate } from "./gate.ts";

export interface FakeComfyFiles {
  /** Absolute folders by ComfyUI's names for them, and the files below each. */
  readonly [folder: string]: { readonly path: string; readonly names: readonly string[] };
}

interface Node {
  readonly class_type: string;
  readonly inputs: Record<string, unknown>;
}

interface Prompt {
  readonly number: number;
  readonly id: string;
  readonly graph: Record<string, Node>;
  readonly clientId: string;
  readonly stopped: AbortController;
}

interface Peer {
  readonly socket: WebSocket;
  wantsMetadata: boolean;
}

const SAMPLERS = ["euler", "euler_ancestral", "dpmpp_2m", "ddim"];
const SCHEDULERS = ["normal", "karras", "ddim_uniform"];
/** Which loader's input is checked against which list. */
const LOADERS: Record<string, readonly [input: string, folder: string]> = {
  CheckpointLoaderSimple: ["ckpt_name", "checkpoints"],
  VAELoader: ["vae_name", "vae"],
  LoraLoader: ["lora_name", "loras"],
  HypernetworkLoader: ["hypernetwork_name", "hypernetworks"],
};

export class FakeComfyUi extends FakeHttp {
  readonly files: FakeComfyFiles;
  readonly gate = new Gate();
  /** Prompts that an interrupt hit. */
  readonly interrupted: string[] = [];
  hasJobsApi = true;
  /** Before 2025-09 an interrupt ignored which prompt it was for. */
  targetsInterrupts = true;
  /** `--max-upload-size` caps every body. */
  maxBodyBytes = 100 * 1024 * 1024;
  /** The next prompt fails with this. */
  fails: { exception_type: string; exception_message: string } | undefined;
  spoils: "size" | "truncated" | undefined;
  /** Says nothing on sockets. */
  mute = false;
  /** Prompts in the order in which they were drawn. */
  readonly drawn: Prompt[] = [];
  readonly #sockets: WebSocketServer;
  readonly #peers = new Map<string, Peer>();
  readonly #uploads = new Map<string, Buffer>();
  readonly #results = new Map<string, Buffer>();
  #pending: Prompt[] = [];
  #running: Prompt | undefined;
  #history: Record<string, unknown> = {};
  #number = 0;

  private constructor(files: FakeComfyFiles) {
    super();
    this.files = files;
    this.#sockets = new WebSocketServer({ server: this.server, path: "/ws" });
    this.#sockets.on("connection", (socket, request) => {
      const id = new URL(request.url ?? "", "http://fake").searchParams.get("clientId") ?? "";
      const peer = { socket, wantsMetadata: false };
      this.#peers.set(id, peer);
      socket.on("message", (data) => {
        const { type, data: flags } = JSON.parse(String(data));
        if (type === "feature_flags") peer.wantsMetadata = flags.supports_preview_metadata === true;
      });
      this.#tell(id, "status", { status: { exec_info: { queue_remaining: 0 } }, sid: id });
    });
  }

  static start(files: FakeComfyFiles): Promise<FakeComfyUi> {
    return new FakeComfyUi(files).listen();
  }

  /** Ids of the prompts that wait. */
  get waiting(): string[] {
    return this.#pending.map(({ id }) => id);
  }

  override async close(): Promise<void> {
    this.dropSockets();
    await super.close();
  }

  /** Sockets break; nothing is repeated on new ones. */
  dropSockets(): void {
    for (const { socket } of this.#peers.values()) socket.terminate();
    this.#peers.clear();
  }

  /** The process starts anew: queue, history and temporary files are gone. */
  restart(): void {
    this.#running?.stopped.abort();
    this.#running = undefined;
    this.#pending = [];
    this.#history = {};
    this.#results.clear();
    this.breakConnections();
    this.dropSockets();
  }

  /** Somebody empties the temporary folder. */
  emptyTemp(): void {
    this.#results.clear();
  }

  /** Somebody at the machine runs a prompt of their own, before ours. */
  occupy(): void {
    const graph = { sampler: { class_type: "KSampler", inputs: { seed: 1, steps: 4 } } };
    this.#push("somebody-elses", graph, "their-page");
  }

  /** Whoever sits at the machine presses the stop button. */
  interrupt(): void {
    if (this.#running === undefined) return;
    this.interrupted.push(this.#running.id);
    this.#running.stopped.abort();
  }

  /** The node of the graph that was drawn last. */
  node(type: string): Node["inputs"] | undefined {
    const nodes = Object.values(this.drawn.at(-1)?.graph ?? {});
    return nodes.find(({ class_type }) => class_type === type)?.inputs;
  }

  protected override answer(asked: Asked): Promise<Reply | undefined> | Reply | undefined {
    const { path, body, query, method } = asked;
    if (asked.bytes.length > this.maxBodyBytes) {
      return { status: 413, body: Buffer.from("Maximum request body size exceeded") };
    }
    // The real one answers 403 when a browser's Origin does not match its own address.
    if (asked.headers.origin !== undefined) return { status: 403, body: {} };
    if (path === "/system_stats") return { body: { system: { comfyui_version: "0.3.64" } } };
    if (path === "/experiment/models") {
      const entries = Object.entries(this.files);
      return { body: entries.map(([name, { path: folder }]) => ({ name, folders: [folder] })) };
    }
    if (path === "/object_info/KSampler") return { body: OBJECT_INFO };
    const folder = /^\/models\/(\w+)$/.exec(path)?.[1];
    if (folder !== undefined) return this.files[folder] && { body: this.files[folder].names };
    if (path === "/prompt") return this.#submit(body);
    if (path === "/queue" && method === "GET") return { body: this.#queue() };
    if (path === "/queue") return this.#delete((body.delete as string[])[0] ?? "");
    if (path === "/interrupt") return this.#interruptFor(body.prompt_id);
    const past = /^\/history\/([\w-]+)$/.exec(path)?.[1];
    if (past !== undefined) {
      return { body: past in this.#history ? { [past]: this.#history[past] } : {} };
    }
    const job = /^\/api\/jobs\/([\w-]+)\/cancel$/.exec(path)?.[1];
    if (job !== undefined && this.hasJobsApi) {
      if (this.#running?.id === job) this.interrupt();
      return this.#delete(job);
    }
    if (path === "/upload/image") return this.#upload(asked);
    if (path === "/view") {
      const bytes = this.#results.get(query.get("filename") ?? "");
      return bytes && query.get("type") === "temp" ? { body: bytes } : undefined;
    }
    return undefined;
  }

  #interruptFor(id: unknown): Reply {
    if (!this.targetsInterrupts || id === undefined || id === this.#running?.id) this.interrupt();
    return {};
  }

  #delete(id: string): Reply {
    this.#pending = this.#pending.filter((prompt) => prompt.id !== id);
    return { body: {} };
  }

  #queue(): unknown {
    const item = ({ number, id, graph }: Prompt) => [number, id, graph, {}, ["result"]];
    return {
      queue_running: this.#running ? [item(this.#running)] : [],
      queue_pending: this.#pending.map(item),
    };
  }

  async #upload({ bytes, headers }: Asked): Promise<Reply> {
    const type = { "content-type": headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(bytes), { headers: type }).formData();
    const image = form.get("image") as File;
    const subfolder = String(form.get("subfolder") ?? "");
    const place = `${subfolder}/${image.name} [${form.get("type")}]`;
    this.#uploads.set(place, Buffer.from(await image.arrayBuffer()));
    return { body: { name: image.name, subfolder, type: form.get("type") } };
  }

  #submit(body: Record<string, unknown>): Reply {
    const graph = body.prompt as Record<string, Node>;
    const errors = Object.fromEntries(
      Object.entries(graph).flatMap(([id, node]) => {
        const found = this.#validate(node);
        return found === undefined
          ? []
          : [[id, { class_type: node.class_type, errors: [found], dependent_outputs: ["result"] }]];
      }),
    );
    if (Object.keys(errors).length > 0) {
      const error = {
        type: "prompt_outputs_failed_validation",
        message: "Prompt outputs failed validation",
        details: "",
      };
      return { status: 400, body: { error, node_errors: errors } };
    }
    const id = String(body.prompt_id ?? crypto.randomUUID());
    const number = this.#push(id, graph, String(body.client_id));
    return { body: { prompt_id: id, number, node_errors: {} } };
  }

  #validate({ class_type, inputs }: Node): object | undefined {
    const missing = (input: string) => ({
      type: "value_not_in_list",
      message: "Value not in list",
      details: `${input}: '${inputs[input]}' not in (list of length 2)`,
    });
    const loader = LOADERS[class_type];
    if (loader !== undefined) {
      const [input, folder] = loader;
      const isThere = this.files[folder]?.names.includes(String(inputs[input]));
      return isThere ? undefined : missing(input);
    }
    if (class_type === "KSampler" && inputs.sampler_name !== undefined) {
      if (!SAMPLERS.includes(String(inputs.sampler_name))) return missing("sampler_name");
      if (!SCHEDULERS.includes(String(inputs.scheduler))) return missing("scheduler");
    }
    if (/^LoadImage/.test(class_type) && !this.#uploads.has(String(inputs.image))) {
      const message = `Invalid image file: ${inputs.image}`;
      return { type: "custom_validation_failed", message, details: "image" };
    }
    return undefined;
  }

  #push(id: string, graph: Record<string, Node>, clientId: string): number {
    const number = this.#number++;
    this.#pending.push({ number, id, graph, clientId, stopped: new AbortController() });
    this.#tellAll("status", { status: { exec_info: { queue_remaining: this.#pending.length } } });
    void this.#work();
    return number;
  }

  async #work(): Promise<void> {
    if (this.#running !== undefined) return;
    const prompt = this.#pending.shift();
    if (prompt === undefined) return;
    this.#running = prompt;
    this.drawn.push(prompt);
    const { id, clientId } = prompt;
    this.#tell(clientId, "execution_start", { prompt_id: id });
    const outcome = await this.#execute(prompt);
    // Restarted in the meantime.
    if (this.#running !== prompt) return;
    this.#tell(clientId, outcome.event, { prompt_id: id, ...outcome.data });
    this.#history[id] = {
      prompt: [prompt.number, id, prompt.graph],
      outputs: outcome.outputs,
      status: {
        status_str: outcome.event === "execution_success" ? "success" : "error",
        completed: outcome.event === "execution_success",
        messages: [
          ["execution_start", { prompt_id: id }],
          [outcome.event, { prompt_id: id, ...outcome.data }],
        ],
      },
    };
    this.#running = undefined;
    this.#tell(clientId, "executing", { node: null, prompt_id: id });
    this.#tellAll("status", { status: { exec_info: { queue_remaining: this.#pending.length } } });
    void this.#work();
  }

  async #execute(prompt: Prompt): Promise<{ event: string; data: object; outputs: object }> {
    const { id, graph, clientId, stopped } = prompt;
    const sampler = graph.sampler?.inputs ?? {};
    const steps = Number(sampler.steps);
    for (let step = 1; step <= steps && !stopped.signal.aborted; step++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#tell(clientId, "progress", { value: step, max: steps, prompt_id: id, node: "sampler" });
      this.#preview(clientId, id);
      if (step === Math.ceil(steps / 2)) await this.gate.pass(stopped.signal);
    }
    if (stopped.signal.aborted) return { event: "execution_interrupted", data: {}, outputs: {} };
    if (this.fails !== undefined) {
      const data = { node_id: "sampler", node_type: "KSampler", traceback: [], ...this.fails };
      this.fails = undefined;
      return { event: "execution_error", data, outputs: {} };
    }
    if (graph.result === undefined) return { event: "execution_success", data: {}, outputs: {} };
    const filename = `ComfyUI_temp_${id}.png`;
    this.#results.set(filename, await this.#draw(graph, Number(sampler.seed)));
    const images = [{ filename, subfolder: "", type: "temp" }];
    this.#tell(clientId, "executed", { node: "result", output: { images }, prompt_id: id });
    return { event: "execution_success", data: {}, outputs: { result: { images } } };
  }

  async #draw(graph: Record<string, Node>, seed: number): Promise<Buffer> {
    const latent = graph.latent?.inputs;
    const image = graph.init?.inputs.image;
    const size =
      image === undefined
        ? { width: Number(latent?.width), height: Number(latent?.height) }
        : await sizeOf(this.#uploads.get(String(image)));
    const wrong = this.spoils === "size" ? { width: 64, height: 72 } : size;
    const texts = {
      prompt: JSON.stringify(graph),
      workflow: JSON.stringify({ note: "/home/owner/private" }),
    };
    const png = await drawFake({ ...wrong, seed, texts });
    return this.spoils === "truncated" ? png.subarray(0, png.length >> 1) : png;
  }

  #tell(clientId: string, type: string, data: object): void {
    if (!this.mute) this.#peers.get(clientId)?.socket.send(JSON.stringify({ type, data }));
  }

  #tellAll(type: string, data: object): void {
    for (const id of this.#peers.keys()) this.#tell(id, type, data);
  }

  #preview(clientId: string, promptId: string): void {
    const peer = this.#peers.get(clientId);
    if (peer === undefined || this.mute) return;
    const head = Buffer.alloc(8);
    if (!peer.wantsMetadata) {
      head.writeUInt32BE(1, 0);
      head.writeUInt32BE(2, 4);
      peer.socket.send(Buffer.concat([head, PREVIEW]));
      return;
    }
    const metadata = JSON.stringify({ prompt_id: promptId, image_type: "image/png" });
    head.writeUInt32BE(4, 0);
    head.writeUInt32BE(metadata.length, 4);
    peer.socket.send(Buffer.concat([head, Buffer.from(metadata), PREVIEW]));
    // What a custom node may send: a frame that nobody asked for.
    peer.socket.send(Buffer.from([0, 0, 0, 3, 0, 0, 0, 1, 65]));
  }
}

const PREVIEW = await drawFake({ width: 640, height: 512, seed: 7 });

const OBJECT_INFO = {
  KSampler: {
    input: { required: { sampler_name: [SAMPLERS, {}], scheduler: [SCHEDULERS, {}] } },
  },
};

/** Width and height as a PNG's header has them. */
async function sizeOf(png: Buffer | undefined): Promise<{ width: number; height: number }> {
  return { width: png?.readUInt32BE(16) ?? 0, height: png?.readUInt32BE(20) ?? 0 };
}

/** The files of one folder as ComfyUI lists them. */
export function folderOf(path: string, files: readonly string[]): FakeComfyFiles[string] {
  return { path, names: files.map((file) => basename(file)) };
}
