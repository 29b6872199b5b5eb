/**
 * Samplers by the names that people and pictures use, in the words of each program. Pure.
 *
 * The names are AUTOMATIC1111's, because they stand in the metadata of a hundred million pictures.
 * A name without an equal elsewhere (PLMS, Restart) has no entry there: it is refused, not replaced.
 */

interface Words {
  readonly sampler: string;
  readonly scheduler: string;
}

interface KnownSampler {
  readonly name: string;
  readonly comfyui: Words;
  readonly sdServer?: Words;
}

const pair = (sampler: string, scheduler: string): Words => ({ sampler, scheduler });

const KNOWN: readonly KnownSampler[] = [
  {
    name: "Euler a",
    comfyui: pair("euler_ancestral", "normal"),
    sdServer: pair("euler_a", "discrete"),
  },
  { name: "Euler", comfyui: pair("euler", "normal"), sdServer: pair("euler", "discrete") },
  { name: "DPM++ 2M", comfyui: pair("dpmpp_2m", "normal"), sdServer: pair("dpm++2m", "discrete") },
  {
    name: "DPM++ 2M Karras",
    comfyui: pair("dpmpp_2m", "karras"),
    sdServer: pair("dpm++2m", "karras"),
  },
  { name: "DPM++ SDE", comfyui: pair("dpmpp_sde", "normal") },
  { name: "DPM++ SDE Karras", comfyui: pair("dpmpp_sde", "karras") },
  {
    name: "DPM++ 2M SDE",
    comfyui: pair("dpmpp_2m_sde", "normal"),
    sdServer: pair("dpm++2m_sde", "discrete"),
  },
  {
    name: "DPM++ 2M SDE Karras",
    comfyui: pair("dpmpp_2m_sde", "karras"),
    sdServer: pair("dpm++2m_sde", "karras"),
  },
  {
    name: "DPM++ 2M SDE Exponential",
    comfyui: pair("dpmpp_2m_sde", "exponential"),
    sdServer: pair("dpm++2m_sde", "exponential"),
  },
  { name: "DPM++ 3M SDE", comfyui: pair("dpmpp_3m_sde", "normal") },
  { name: "DPM++ 3M SDE Karras", comfyui: pair("dpmpp_3m_sde", "karras") },
  { name: "DPM++ 3M SDE Exponential", comfyui: pair("dpmpp_3m_sde", "exponential") },
  {
    name: "DPM++ 2S a",
    comfyui: pair("dpmpp_2s_ancestral", "normal"),
    sdServer: pair("dpm++2s_a", "discrete"),
  },
  {
    name: "DPM++ 2S a Karras",
    comfyui: pair("dpmpp_2s_ancestral", "karras"),
    sdServer: pair("dpm++2s_a", "karras"),
  },
  { name: "DPM2", comfyui: pair("dpm_2", "normal"), sdServer: pair("dpm2", "discrete") },
  { name: "DPM2 Karras", comfyui: pair("dpm_2", "karras"), sdServer: pair("dpm2", "karras") },
  { name: "DPM2 a", comfyui: pair("dpm_2_ancestral", "normal") },
  { name: "DPM2 a Karras", comfyui: pair("dpm_2_ancestral", "karras") },
  { name: "DPM fast", comfyui: pair("dpm_fast", "normal") },
  { name: "DPM adaptive", comfyui: pair("dpm_adaptive", "normal") },
  { name: "Heun", comfyui: pair("heun", "normal"), sdServer: pair("heun", "discrete") },
  { name: "LMS", comfyui: pair("lms", "normal"), sdServer: pair("lms", "discrete") },
  { name: "LMS Karras", comfyui: pair("lms", "karras"), sdServer: pair("lms", "karras") },
  {
    name: "DDIM",
    comfyui: pair("ddim", "ddim_uniform"),
    sdServer: pair("ddim_trailing", "discrete"),
  },
  { name: "UniPC", comfyui: pair("uni_pc", "normal") },
  { name: "LCM", comfyui: pair("lcm", "sgm_uniform"), sdServer: pair("lcm", "lcm") },
];

/** What a backend has: its own words, as it lists them. */
export interface SamplerLists {
  readonly samplers: readonly string[];
  readonly schedulers: readonly string[];
}

/** Each name that can be asked for, with the backend's words for it. People's names come first. */
export function samplerTable(
  program: "comfyui" | "sdServer",
  { samplers, schedulers }: SamplerLists,
): ReadonlyMap<string, Words> {
  const table = new Map<string, Words>();
  for (const known of KNOWN) {
    const words = known[program];
    if (words === undefined) continue;
    if (!samplers.includes(words.sampler) || !schedulers.includes(words.scheduler)) continue;
    table.set(known.name, words);
  }
  const taken = new Set([...table.keys()].map((name) => name.toLowerCase()));
  const plain = program === "comfyui" ? "normal" : "discrete";
  const scheduler = schedulers.includes(plain) ? plain : schedulers[0];
  for (const sampler of samplers) {
    if (scheduler === undefined || taken.has(sampler.toLowerCase())) continue;
    table.set(sampler, { sampler, scheduler });
  }
  return table;
}

/** Names that joined sampler and scheduler until AUTOMATIC1111 1.9 took them apart. */
const JOINED = KNOWN.map(({ name }) => name).filter((name) =>
  / (?:Karras|Exponential)$/.test(name),
);

/** What AUTOMATIC1111's relatives can be asked for: their own names and the joined ones. */
export function joinedSamplers({ samplers, schedulers }: SamplerLists): readonly string[] {
  const joined = JOINED.filter((name) => {
    const { sampler, scheduler } = splitSampler(name, { samplers, schedulers });
    return samplers.includes(sampler) && scheduler !== undefined;
  });
  return [...samplers, ...joined.filter((name) => !samplers.includes(name))];
}

/** The two fields of AUTOMATIC1111's request; `scheduler` is undefined where the name implies it. */
export function splitSampler(
  name: string,
  { samplers, schedulers }: SamplerLists,
): { readonly sampler: string; readonly scheduler: string | undefined } {
  if (samplers.includes(name)) return { sampler: name, scheduler: undefined };
  const scheduler = schedulers.find((label) => name.endsWith(` ${label}`));
  if (scheduler === undefined) return { sampler: name, scheduler: undefined };
  return { sampler: name.slice(0, -scheduler.length - 1), scheduler };
}
