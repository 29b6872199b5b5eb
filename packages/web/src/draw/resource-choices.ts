/** Resources as the entries of a select. Pure. Names come from the wire and are only ever text. */

import type { Resource } from "@beeline/protocol";

export interface ResourceChoice {
  readonly value: string;
  readonly label: string;
}

/** The kinds that a page may mix into a picture as LoRA: backends load all three the same way. */
const NETWORK_TYPES = { lora: "lora", locon: "lora", dora: "lora", hypernet: "hypernet" } as const;

/**
 * What can be chosen, sorted by name. Two files of one name get their hash beside it; one file in
 * two folders is one choice.
 */
export function choicesOf(resources: readonly Resource[]): readonly ResourceChoice[] {
  const byHash = new Map(
    resources
      .filter((resource) => resource.downloading !== true)
      .map((resource) => [resource.hash, resource]),
  );
  const named = new Map<string, number>();
  for (const { name } of byHash.values())
    named.set(plainName(name), (named.get(plainName(name)) ?? 0) + 1);
  return [...byHash.values()]
    .map(({ hash, name }) => {
      const plain = plainName(name);
      return {
        value: hash,
        label: (named.get(plain) ?? 0) > 1 ? `${plain} (${hash.slice(0, 8)})` : plain,
      };
    })
    .sort((a, b) => a.label.localeCompare(b.label));
}

/** `lora` and `hypernet` resources that the backend can mix in, with the type to ask for. */
export function networkType(
  resource: Resource,
  supported: readonly ("lora" | "hypernet")[],
): "lora" | "hypernet" | undefined {
  const type = Object.hasOwn(NETWORK_TYPES, resource.type)
    ? NETWORK_TYPES[resource.type as keyof typeof NETWORK_TYPES]
    : undefined;
  return type !== undefined && supported.includes(type) ? type : undefined;
}

/** A file name without its ending. */
export function plainName(name: string): string {
  return name.replace(/\.(safetensors|ckpt|pt|pth|bin|gguf)$/i, "");
}
