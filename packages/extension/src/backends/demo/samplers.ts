/**
 * Samplers by the names people know, as the few numbers in which they differ.
 *
 * They walk the same way from noise to picture as Stable Diffusion's do (k-diffusion's formulas),
 * only what they ask for the clean picture is no neural network. Pure.
 */

/** `karras` spends more steps on fine detail, `even` on large shapes. */
type Schedule = "even" | "karras";

export interface Sampler {
  readonly schedule: Schedule;
  /** 2 also uses the step before (DPM-Solver++ 2M). */
  readonly order: 1 | 2;
  /** How much fresh noise each step adds: 0 for none (converges), 1 for ancestral samplers. */
  readonly eta: number;
}

export const SAMPLERS = {
  "Euler a": { schedule: "even", order: 1, eta: 1 },
  Euler: { schedule: "even", order: 1, eta: 0 },
  "DPM++ 2M": { schedule: "even", order: 2, eta: 0 },
  "DPM++ 2M Karras": { schedule: "karras", order: 2, eta: 0 },
  "DPM++ SDE": { schedule: "even", order: 1, eta: 0.8 },
  "DPM++ SDE Karras": { schedule: "karras", order: 1, eta: 0.8 },
  "DPM++ 2M SDE Karras": { schedule: "karras", order: 2, eta: 0.9 },
  "DPM2 a Karras": { schedule: "karras", order: 1, eta: 1 },
  LMS: { schedule: "even", order: 2, eta: 0.1 },
  "LMS Karras": { schedule: "karras", order: 2, eta: 0.1 },
  DDIM: { schedule: "karras", order: 1, eta: 0 },
  UniPC: { schedule: "karras", order: 2, eta: 0.05 },
} as const satisfies Readonly<Record<string, Sampler>>;

export type SamplerName = keyof typeof SAMPLERS;

export const SAMPLER_NAMES = Object.keys(SAMPLERS) as readonly SamplerName[];

export function isSamplerName(name: string): name is SamplerName {
  return Object.hasOwn(SAMPLERS, name);
}

/** Stable Diffusion 1.5's range of noise, in units of the picture's own spread. */
const SIGMA_MAX = 14.6;
const SIGMA_MIN = 0.03;

/** Exponents of Karras et al. 2022 (equation 5); 3 is close to the linear-timestep schedule. */
const RHO = { karras: 7, even: 3 } as const;

/** Noise levels from the first step to 0, one more than there are steps. */
export function noiseLevels(sampler: Sampler, steps: number): readonly number[] {
  const rho = RHO[sampler.schedule];
  const first = SIGMA_MAX ** (1 / rho);
  const last = SIGMA_MIN ** (1 / rho);
  const levels = Array.from({ length: steps }, (_, step) => {
    const share = steps === 1 ? 0 : step / (steps - 1);
    return (first + share * (last - first)) ** rho;
  });
  return [...levels, 0];
}

/** One step as weights: next = keep·x + clean·D + past·D₋₁ + noise·ε. */
export interface StepWeights {
  readonly keep: number;
  readonly clean: number;
  readonly past: number;
  readonly noise: number;
}

/**
 * @param sigma, next the noise levels before and after the step; `previous` the one before `sigma`,
 *   undefined at the first step.
 */
export function stepWeights(
  { order, eta }: Sampler,
  sigma: number,
  next: number,
  previous: number | undefined,
): StepWeights {
  if (next === 0) return { keep: 0, clean: 1, past: 0, noise: 0 };
  const up = Math.min(next, eta * Math.sqrt((next ** 2 * (sigma ** 2 - next ** 2)) / sigma ** 2));
  const down = Math.sqrt(next ** 2 - up ** 2);
  const keep = down / sigma;
  if (order === 1 || previous === undefined || down === 0) {
    return { keep, clean: 1 - keep, past: 0, noise: up };
  }
  const ratio = Math.log(previous / sigma) / Math.log(sigma / down);
  const extra = (1 - keep) / (2 * ratio);
  return { keep, clean: 1 - keep + extra, past: -extra, noise: up };
}
