/**
 * Checks that AUTOMATIC1111 drew what it was asked for. Pure.
 *
 * The program says which model, VAE, networks and seeds it used; anything else than what was asked
 * for is an error that names it, and silence where it always speaks is one too.
 */

import { BeelineError } from "@beeline/protocol";
import { z } from "zod";
import { base64Bytes, parseAnswer } from "../shared/answers.ts";
import { stemOf } from "../shared/files.ts";
import type { ModelEntry, Resolved } from "./catalogue.ts";
import type { Dialect } from "./dialect.ts";

const Answer = z.object({ images: z.array(z.string()).nullish(), info: z.string() });
const Text = z.string().nullish();
const Info = z.looseObject({
  all_seeds: z.array(z.number().int().nonnegative()).nonempty(),
  index_of_first_image: z.number().int().nonnegative().default(0),
  infotexts: z.array(z.string()).default([]),
  sd_model_name: Text,
  sd_model_hash: Text,
  sd_vae_name: Text,
  job_timestamp: Text,
  extra_generation_params: z.record(z.string(), z.unknown()).default({}),
});
type Info = z.output<typeof Info>;

export interface DrawnBatch {
  readonly pictures: readonly { readonly bytes: Uint8Array; readonly seed: number }[];
  /** When the program began, in its own writing; tells its jobs apart. */
  readonly jobTimestamp: string | undefined;
}

/** @throws {BeelineError} `BACKEND_FAILED` when the answer is none, or not to this request. */
export function checkAnswer(
  value: unknown,
  path: string,
  asked: { resolved: Resolved; dialect: Dialect; sha256: string; seed: number; count: number },
): DrawnBatch {
  const answer = parseAnswer(Answer, value, path);
  const info = parseAnswer(Info, asJson(answer.info), path);
  checkModel(info, asked.resolved.model, asked.sha256);
  checkVae(info, asked.resolved, asked.dialect);
  checkNetworks(info, asked.resolved);
  const { count, seed } = asked;
  // A grid may come first and maps of extensions last.
  const images = (answer.images ?? []).slice(info.index_of_first_image).slice(0, count);
  if (images.length < count || info.all_seeds.length < count) {
    throw failed(`it answered with ${images.length} of ${count} pictures`);
  }
  const pictures = images.map((image, index) => {
    const bytes = base64Bytes(image);
    const used = info.all_seeds[index];
    if (bytes === undefined) throw failed(`picture ${index} of the answer is not base64`);
    if (used !== (seed + index) >>> 0) {
      throw failed(`it drew with the seed ${used} instead of ${(seed + index) >>> 0}`);
    }
    return { bytes, seed: used };
  });
  return { pictures, jobTimestamp: info.job_timestamp ?? undefined };
}

function checkModel(info: Info, model: ModelEntry, sha256: string): void {
  const name = info.sd_model_name ?? fieldOf(info, "Model");
  const hash = (info.sd_model_hash ?? fieldOf(info, "Model hash"))?.toLowerCase();
  if (name === undefined && !hash) throw failed("it does not say which model it used");
  const isNamed = name === undefined || model.names.some((known) => plain(known) === plain(name));
  // Before a model was hashed once, the list has no hash; Forge's may be made up.
  const known = [sha256.slice(0, 10), model.shortHash?.toLowerCase()];
  const isHashed = !hash || known.includes(hash) || (model.shortHash === undefined && isNamed);
  if (isNamed && isHashed) return;
  throw failed(`it drew with the model "${name ?? hash}" instead of "${model.title}"`);
}

function checkVae(info: Info, { vae }: Resolved, dialect: Dialect): void {
  if (vae === undefined) return;
  const said =
    dialect.kind === "forge"
      ? Object.entries(fieldsOf(info)).flatMap(([key, value]) =>
          /^Module \d+$/.test(key) ? [value] : [],
        )
      : [info.sd_vae_name ?? fieldOf(info, "VAE") ?? "none"];
  if (said.some((name) => stemOf(name) === stemOf(vae.path))) return;
  throw failed(`it drew with the VAE "${said.join(", ") || "none"}" instead of "${vae.name}"`);
}

function checkNetworks(info: Info, { networks, namesLoras }: Resolved): void {
  const loras = networks.filter(({ type }) => type === "lora");
  if (!namesLoras || loras.length === 0) return;
  const fields = { ...fieldsOf(info), ...info.extra_generation_params };
  const said = String(fields["Lora hashes"] ?? fields["LoRA networks"] ?? "")
    .replace(/^"|"$/g, "")
    .split(",")
    .map((part) => part.split(":")[0]?.trim());
  for (const { name } of loras) {
    if (!said.includes(name.replace(/[:,]/g, ""))) {
      throw failed(`it drew without the LoRA "${name}"`);
    }
  }
}

/** Names as infotexts write them: without the characters that end a value there. */
const plain = (name: string): string => name.replace(/[,:"]/g, "").trim();

function fieldOf(info: Info, key: string): string | undefined {
  return fieldsOf(info)[key];
}

/** The `Name: value` pairs of the first infotext's last line; quoted values may hold commas. */
function fieldsOf(info: Info): Readonly<Record<string, string>> {
  const line = info.infotexts[0]?.split("\n").at(-1) ?? "";
  const fields: Record<string, string> = {};
  for (const [, key = "", quoted, bare = ""] of line.matchAll(
    /\s*([\w ./-]+): (?:"((?:\\.|[^"\\])*)"|([^,]*))(?:,|$)/g,
  )) {
    fields[key] = quoted ?? bare;
  }
  return fields;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failed("what it says about its pictures is not JSON");
  }
}

const failed = (detail: string): BeelineError => new BeelineError("BACKEND_FAILED", detail);
