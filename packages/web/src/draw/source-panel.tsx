/** img2img: choose a picture, paint what is to be drawn anew, say how much may change. */

import { BeelineError } from "@beeline/protocol";
import { Button, FileButton, Group, Modal, Slider, Stack, Switch, Text } from "@mantine/core";
import { IconMaximize, IconPhotoPlus, IconX } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { Problem } from "../problem.tsx";
import classes from "./draw.module.css";
import type { DrawForm } from "./draw-form.ts";
import { Labelled } from "./labelled.tsx";
import { MaskCanvas } from "./mask-canvas.tsx";
import { addStep, hasMask, type MaskHistory } from "./mask-history.ts";
import { FIRST_BRUSH, MaskTools } from "./mask-tools.tsx";
import { readSource, type SourcePicture } from "./source-picture.ts";

interface SourcePanelProps {
  readonly form: DrawForm;
  readonly source: SourcePicture | undefined;
  readonly mask: MaskHistory;
  readonly canMask: boolean;
  readonly onForm: (change: Partial<DrawForm>) => void;
  readonly onSource: (source: SourcePicture | undefined) => void;
  readonly onMask: (mask: MaskHistory) => void;
}

export function SourcePanel({
  form,
  source,
  mask,
  canMask,
  onForm,
  onSource,
  onMask,
}: SourcePanelProps) {
  const [brush, setBrush] = useState(FIRST_BRUSH);
  const [large, setLarge] = useState(false);
  if (source === undefined) return <SourceDrop onSource={onSource} />;

  const editor = (
    <Stack gap="xs">
      <MaskCanvas
        source={source}
        size={form}
        mask={mask}
        brush={canMask ? brush : undefined}
        onStroke={(stroke) => onMask(addStep(mask, stroke))}
      />
      {canMask && <MaskTools mask={mask} brush={brush} onMask={onMask} onBrush={setBrush} />}
    </Stack>
  );
  return (
    <Stack gap="sm">
      {!large && editor}
      <Modal
        opened={large}
        onClose={() => setLarge(false)}
        title="Paint what is to be drawn anew"
        fullScreen
        radius={0}
      >
        {/* As large as fits between the title and the tools without scrolling. */}
        <div
          style={{
            maxWidth: `calc((100dvh - 150px) * ${form.width / form.height})`,
            margin: "0 auto",
          }}
        >
          {editor}
        </div>
      </Modal>
      {canMask && (
        <Text size="xs" c="dimmed">
          {hasMask(mask)
            ? "Only what is painted is drawn anew."
            : "Paint over what is to change. With nothing painted, the whole picture may."}
        </Text>
      )}
      <Group gap="xs">
        <Button
          size="xs"
          variant="default"
          leftSection={<IconMaximize size={16} />}
          onClick={() => setLarge(true)}
          data-testid="mask-enlarge"
        >
          Larger
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconX size={16} />}
          onClick={() => onSource(undefined)}
          data-testid="source-remove"
        >
          Another picture
        </Button>
      </Group>
      <Labelled label="May change" value={`${Math.round(form.denoiseStrength * 100)} %`}>
        <Slider
          thumbLabel="Denoise strength"
          label={null}
          min={0}
          max={1}
          step={0.01}
          value={form.denoiseStrength}
          onChange={(denoiseStrength) => onForm({ denoiseStrength })}
          data-testid="denoise"
        />
      </Labelled>
      {canMask && (
        <Switch
          label="Draw the masked part only, in full size"
          checked={form.maskedOnly}
          disabled={!hasMask(mask)}
          onChange={(event) => onForm({ maskedOnly: event.currentTarget.checked })}
          data-testid="masked-only"
        />
      )}
    </Stack>
  );
}

/** A place to drop a file on, which is also a button: dropping needs a mouse. */
function SourceDrop({
  onSource,
}: {
  readonly onSource: (source: SourcePicture) => void;
}): ReactNode {
  const [over, setOver] = useState(false);
  const [error, setError] = useState<BeelineError | undefined>();
  async function take(file: File | null | undefined): Promise<void> {
    if (!file) return;
    try {
      onSource(await readSource(file));
    } catch (thrown) {
      setError(BeelineError.from(thrown));
    }
  }
  return (
    <Stack gap="xs">
      <FileButton
        onChange={take}
        accept="image/png,image/jpeg,image/webp"
        inputProps={{ "aria-label": "Picture to draw from" }}
      >
        {(button) => (
          <button
            type="button"
            {...button}
            className={classes.drop}
            data-over={over}
            data-testid="source-drop"
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(false);
              void take(event.dataTransfer.files[0]);
            }}
          >
            <IconPhotoPlus size={28} stroke={1.5} aria-hidden />
            <span>Choose a picture, or drop one here</span>
          </button>
        )}
      </FileButton>
      {error !== undefined && <Problem error={error} onClose={() => setError(undefined)} />}
    </Stack>
  );
}
