/** Every backend with its files on a real disk and, but for the demo, a stand-in to talk to. */
import {
  A1111Backend,
  ComfyUiBackend,
  DemoBackend,
  SdServerBackend,
  seedDemoResources,
} from "@beeline/extension";
import { FakeA1111, type FakeDialect } from "../support/fakes/fake-a1111.ts";
import { FakeComfyUi, folderOf } from "../support/fakes/fake-comfyui.ts";
import { FakeSdServer } from "../support/fakes/fake-sd-server.ts";
import type { Gate } from "../support/fakes/gate.ts";
import { ModelShelf } from "../support/model-shelf.ts";
import type { Bench } from "./backend-contract.ts";

/** Nobody waits for a person here. */
const POLL_MS = 10;
/** A busy machine may stand still for a second, which is no silence of the program's. */
const PATIENCE_MS = 3_000;

interface Stage {
  readonly shelf: ModelShelf;
  readonly files: Pick<Bench, "model" | "vae" | "lora" | "stranger"> & {
    readonly other: Bench["model"];
    readonly hypernet: Bench["model"];
  };
}

async function stage(): Promise<Stage> {
  const shelf = await ModelShelf.make();
  return {
    shelf,
    files: {
      model: await shelf.put("checkpoints", "meadow.safetensors"),
      other: await shelf.put("checkpoints", "other.safetensors"),
      vae: await shelf.put("vae", "soft.safetensors"),
      lora: await shelf.put("loras", "ink.safetensors"),
      hypernet: await shelf.put("hypernetworks", "wash.safetensors"),
      stranger: await shelf.put("elsewhere", "stranger.safetensors"),
    },
  };
}

function benchOf<F extends { readonly gate: Gate; close(): Promise<void>; url: string }>(
  { shelf, files }: Stage,
  fake: F,
  open: (fake: F) => Bench["backend"],
): Bench & { readonly fake: F; readonly files: Stage["files"] } {
  const backend = open(fake);
  return {
    ...files,
    files,
    fake,
    backend,
    hold: () => fake.gate.hold(),
    release: () => fake.gate.release(),
    close: async () => {
      fake.gate.release();
      await backend.close();
      await fake.close();
      await shelf.remove();
    },
  };
}

export async function a1111Bench(dialect: FakeDialect) {
  const set = await stage();
  const { model, other, vae, lora, hypernet } = set.files;
  const fake = await FakeA1111.start(dialect, {
    checkpoints: [model.path, other.path],
    vaes: [vae.path],
    loras: [lora.path],
    hypernets: [hypernet.path],
  });
  return benchOf(
    set,
    fake,
    ({ url }) => new A1111Backend({ url, headers: {}, pollMs: POLL_MS, silenceMs: PATIENCE_MS }),
  );
}

export async function comfyBench() {
  const set = await stage();
  const { shelf, files } = set;
  const fake = await FakeComfyUi.start({
    checkpoints: folderOf(shelf.folder("checkpoints"), [files.model.path, files.other.path]),
    vae: folderOf(shelf.folder("vae"), [files.vae.path]),
    loras: folderOf(shelf.folder("loras"), [files.lora.path]),
    hypernetworks: folderOf(shelf.folder("hypernetworks"), [files.hypernet.path]),
  });
  return benchOf(
    set,
    fake,
    ({ url }) => new ComfyUiBackend({ url, headers: {}, askMs: POLL_MS * 10, downMs: PATIENCE_MS }),
  );
}

export async function sdServerBench() {
  const set = await stage();
  const fake = await FakeSdServer.start(set.files.model.path, [set.files.lora.path]);
  return benchOf(
    set,
    fake,
    ({ url }) => new SdServerBackend({ url, headers: {}, pollMs: POLL_MS, downMs: PATIENCE_MS }),
  );
}

export async function demoBench(): Promise<Bench> {
  const { shelf, files } = await stage();
  await seedDemoResources(shelf.root);
  const backend = new DemoBackend({ stepMs: 5 });
  return {
    ...files,
    backend,
    // Its steps take time by themselves.
    hold: () => {},
    release: () => {},
    close: async () => {
      await backend.close();
      await shelf.remove();
    },
  };
}
