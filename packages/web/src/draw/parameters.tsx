/** Size, steps, CFG, sampler, seed, quantity: the numbers of a request. */

import { ActionIcon, Group, NumberInput, Select, Slider, Stack, Tooltip } from "@mantine/core";
import { IconDice5, IconLock, IconLockOpen } from "@tabler/icons-react";
import classes from "./draw.module.css";
import { type DrawForm, LARGEST_SEED, type Limits } from "./draw-form.ts";
import { Labelled } from "./labelled.tsx";
import { SizePicker } from "./size-picker.tsx";

interface ParametersProps {
  readonly form: DrawForm;
  readonly limits: Limits;
  readonly samplers: readonly string[];
  /** Of the picture on the stage; what locking the seed keeps. */
  readonly lastSeed: number | undefined;
  readonly onForm: (change: Partial<DrawForm>) => void;
}

export function Parameters({ form, limits, samplers, lastSeed, onForm }: ParametersProps) {
  return (
    <Stack gap="md">
      <SizePicker form={form} limits={limits} onForm={onForm} />
      <Labelled label="Steps" value={form.steps}>
        <Slider
          thumbLabel="Steps"
          label={null}
          min={1}
          max={limits.steps}
          value={form.steps}
          onChange={(steps) => onForm({ steps })}
          data-testid="steps"
        />
      </Labelled>
      <Labelled label="CFG" value={form.cfgScale}>
        <Slider
          thumbLabel="CFG: how closely the prompt is followed"
          label={null}
          min={1}
          max={30}
          step={0.5}
          value={form.cfgScale}
          onChange={(cfgScale) => onForm({ cfgScale })}
          data-testid="cfg"
        />
      </Labelled>
      <Select
        label="Sampler"
        placeholder="The computer's choice"
        data={[...new Set(samplers)]}
        value={form.sampler ?? null}
        onChange={(sampler) => onForm({ sampler: sampler ?? undefined })}
        clearable
        searchable
        nothingFoundMessage="No such sampler"
        data-testid="sampler"
      />
      <Seed seed={form.seed} lastSeed={lastSeed} onSeed={(seed) => onForm({ seed })} />
      <div className={classes.pair}>
        <NumberInput
          label="Pictures"
          min={1}
          max={limits.quantity}
          allowDecimal={false}
          value={form.quantity}
          onChange={(quantity) => typeof quantity === "number" && onForm({ quantity })}
          data-testid="quantity"
        />
        <NumberInput
          label="At a time"
          min={1}
          max={limits.batchSize}
          allowDecimal={false}
          value={form.batchSize}
          onChange={(batchSize) => typeof batchSize === "number" && onForm({ batchSize })}
          data-testid="batch"
        />
      </div>
    </Stack>
  );
}

interface SeedProps {
  readonly seed: number | undefined;
  readonly lastSeed: number | undefined;
  readonly onSeed: (seed: number | undefined) => void;
}

/** Empty is a new seed each time; a number is kept. The lock moves between the two. */
function Seed({ seed, lastSeed, onSeed }: SeedProps) {
  const isLocked = seed !== undefined;
  const lockLabel = isLocked ? "Unlock: a new seed each time" : "Lock the last picture's seed";
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <NumberInput
        style={{ flex: 1 }}
        label="Seed"
        placeholder="New each time"
        min={0}
        max={LARGEST_SEED}
        allowDecimal={false}
        allowNegative={false}
        hideControls
        value={seed ?? ""}
        onChange={(value) => onSeed(typeof value === "number" ? value : undefined)}
        data-testid="seed"
      />
      <Tooltip label="Random seed">
        <ActionIcon
          variant="default"
          size={36}
          aria-label="Random seed"
          onClick={() => onSeed(randomSeed())}
          data-testid="seed-random"
        >
          <IconDice5 size={18} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={lockLabel}>
        <ActionIcon
          variant={isLocked ? "filled" : "default"}
          size={36}
          aria-label={lockLabel}
          aria-pressed={isLocked}
          disabled={!isLocked && lastSeed === undefined}
          onClick={() => onSeed(isLocked ? undefined : lastSeed)}
          data-testid="seed-lock"
        >
          {isLocked ? <IconLock size={18} /> : <IconLockOpen size={18} />}
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

/** A seed is no secret, so any randomness will do. */
function randomSeed(): number {
  return Math.floor(Math.random() * (LARGEST_SEED + 1));
}
