/** Brush, eraser, size, undo, redo, clear: what goes with a {@link MaskCanvas}. */

import { ActionIcon, Group, SegmentedControl, Slider, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconArrowForwardUp, IconTrash } from "@tabler/icons-react";
import { addStep, hasMask, type MaskHistory, redo, undo } from "./mask-history.ts";

/** Brush radii in fractions of the picture's width: a hair to a third of it. */
const RADIUS = { smallest: 0.01, largest: 0.16, step: 0.005 };

export interface Brush {
  readonly erase: boolean;
  readonly radius: number;
}

export const FIRST_BRUSH: Brush = { erase: false, radius: 0.05 };

interface MaskToolsProps {
  readonly mask: MaskHistory;
  readonly brush: Brush;
  readonly onMask: (mask: MaskHistory) => void;
  readonly onBrush: (brush: Brush) => void;
}

export function MaskTools({ mask, brush, onMask, onBrush }: MaskToolsProps) {
  const tools = [
    { label: "Undo", icon: IconArrowBackUp, enabled: mask.done.length > 0, next: () => undo(mask) },
    {
      label: "Redo",
      icon: IconArrowForwardUp,
      enabled: mask.undone.length > 0,
      next: () => redo(mask),
    },
    {
      label: "Clear mask",
      icon: IconTrash,
      enabled: hasMask(mask),
      next: () => addStep(mask, { kind: "clear" }),
    },
  ];
  return (
    <Group gap="xs" wrap="nowrap">
      <SegmentedControl
        size="xs"
        aria-label="Mask tool"
        value={brush.erase ? "erase" : "paint"}
        onChange={(tool) => onBrush({ ...brush, erase: tool === "erase" })}
        data={[
          { value: "paint", label: "Paint" },
          { value: "erase", label: "Erase" },
        ]}
      />
      <Slider
        style={{ flex: 1, minWidth: 40 }}
        size="sm"
        thumbLabel="Brush size"
        label={null}
        min={RADIUS.smallest}
        max={RADIUS.largest}
        step={RADIUS.step}
        value={brush.radius}
        onChange={(radius) => onBrush({ ...brush, radius })}
      />
      <Group gap={4} wrap="nowrap">
        {tools.map(({ label, icon: Icon, enabled, next }) => (
          <Tooltip key={label} label={label}>
            <ActionIcon
              variant="default"
              size={30}
              aria-label={label}
              disabled={!enabled}
              onClick={() => onMask(next())}
              data-testid={`mask-${label.split(" ")[0]?.toLowerCase()}`}
            >
              <Icon size={16} />
            </ActionIcon>
          </Tooltip>
        ))}
      </Group>
    </Group>
  );
}
