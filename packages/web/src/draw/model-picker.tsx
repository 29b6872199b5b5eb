/** Model, VAE and LoRAs, from what the linked computer has. */

import type { ExtensionInfo, Resource } from "@beeline/protocol";
import { ActionIcon, Select, Slider, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMemo } from "react";
import classes from "./draw.module.css";
import type { DrawForm, NetworkChoice } from "./draw-form.ts";
import { choicesOf, networkType, plainName } from "./resource-choices.ts";

/** Entries shown at once; with more, one searches. Thousands of nodes make a phone crawl. */
const SHOWN = 100;

interface ModelPickerProps {
  readonly form: DrawForm;
  readonly info: ExtensionInfo | undefined;
  readonly resources: readonly Resource[] | undefined;
  readonly onForm: (change: Partial<DrawForm>) => void;
}

export function ModelPicker({ form, info, resources, onForm }: ModelPickerProps) {
  const models = useMemo(
    () => choicesOf((resources ?? []).filter(({ type }) => type === "checkpoint")),
    [resources],
  );
  const vaes = useMemo(
    () => choicesOf((resources ?? []).filter(({ type }) => type === "vae")),
    [resources],
  );
  const common = {
    searchable: true,
    clearable: true,
    limit: SHOWN,
    disabled: resources === undefined,
  } as const;
  return (
    <Stack gap="md">
      <Select
        {...common}
        label="Model"
        placeholder={models[0] === undefined ? "No model in the list" : "The computer's choice"}
        data={[...models]}
        value={form.model ?? null}
        onChange={(model) => onForm({ model: model ?? undefined })}
        nothingFoundMessage="No such model"
        data-testid="model"
      />
      {info?.backend.vae === true && (
        <Select
          {...common}
          label="VAE"
          placeholder="The model's own"
          data={[...vaes]}
          value={form.vae ?? null}
          onChange={(vae) => onForm({ vae: vae ?? undefined })}
          nothingFoundMessage="No such VAE"
          data-testid="vae"
        />
      )}
      {info !== undefined && info.backend.networks.length > 0 && (
        <NetworkPicker
          chosen={form.networks}
          supported={info.backend.networks}
          resources={resources ?? []}
          onChange={(networks) => onForm({ networks })}
        />
      )}
    </Stack>
  );
}

interface NetworkPickerProps {
  readonly chosen: readonly NetworkChoice[];
  readonly supported: readonly ("lora" | "hypernet")[];
  readonly resources: readonly Resource[];
  readonly onChange: (networks: readonly NetworkChoice[]) => void;
}

function NetworkPicker({ chosen, supported, resources, onChange }: NetworkPickerProps) {
  const available = useMemo(
    () =>
      resources.filter(
        (resource) =>
          networkType(resource, supported) !== undefined &&
          chosen.every(({ hash }) => hash !== resource.hash),
      ),
    [resources, supported, chosen],
  );
  const choices = useMemo(() => choicesOf(available), [available]);
  function add(hash: string | null) {
    const resource = available.find((candidate) => candidate.hash === hash);
    const type = resource && networkType(resource, supported);
    if (resource === undefined || type === undefined) return;
    onChange([
      ...chosen,
      { hash: resource.hash, type, name: plainName(resource.name), strength: 1 },
    ]);
  }
  function setStrength(hash: string, strength: number) {
    onChange(chosen.map((network) => (network.hash === hash ? { ...network, strength } : network)));
  }
  return (
    <div>
      <Select
        label="LoRA"
        placeholder={choices.length === 0 ? "None to add" : "Add one…"}
        data={[...choices]}
        value={null}
        onChange={add}
        searchable
        limit={SHOWN}
        disabled={choices.length === 0}
        nothingFoundMessage="No such LoRA"
        data-testid="lora"
      />
      {chosen.map((network) => (
        <div key={network.hash} className={classes.network} data-testid="lora-row">
          <Text size="sm" truncate title={network.name}>
            {network.name}
          </Text>
          <Slider
            size="sm"
            thumbLabel={`Strength of ${network.name}`}
            label={null}
            min={-1}
            max={2}
            step={0.05}
            value={network.strength}
            onChange={(strength) => setStrength(network.hash, strength)}
          />
          <Text size="sm" c="dimmed" className={classes.value}>
            {network.strength.toFixed(2)}
          </Text>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Remove ${network.name}`}
            onClick={() => onChange(chosen.filter(({ hash }) => hash !== network.hash))}
          >
            <IconX size={14} />
          </ActionIcon>
        </div>
      ))}
    </div>
  );
}
