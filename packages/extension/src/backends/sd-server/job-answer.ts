/** What sd-server says, as its own API describes it. Shapes only. */

import { z } from "zod";

const Path = z.string().default("");

export const Capabilities = z.looseObject({
  model: z.looseObject({ name: Path, stem: Path, path: Path }),
  samplers: z.array(z.string()),
  schedulers: z.array(z.string()),
  loras: z.array(z.looseObject({ name: z.string(), path: z.string() })).default([]),
  features_by_mode: z
    .looseObject({ img_gen: z.record(z.string(), z.unknown()).optional() })
    .default({}),
  limits: z
    .looseObject({ max_width: z.number().optional(), max_height: z.number().optional() })
    .default({}),
});
export type Capabilities = z.output<typeof Capabilities>;

export const Accepted = z.looseObject({ id: z.string() });

export const Job = z.looseObject({
  status: z.enum(["queued", "generating", "completed", "failed", "cancelled"]),
  queue_position: z.number().default(0),
  result: z
    .looseObject({ images: z.array(z.looseObject({ b64_json: z.string() })).default([]) })
    .nullish(),
  error: z.looseObject({ message: z.string().nullish() }).nullish(),
});
export type Job = z.output<typeof Job>;
