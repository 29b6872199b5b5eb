/** Common sizes at one tap, any other by slider. */

import { ActionIcon, Slider, Tooltip, UnstyledButton } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import classes from "./draw.module.css";
import { type DrawForm, type Limits, SIDE_STEP, SIZE_PRESETS, SMALLEST_SIDE } from "./draw-form.ts";
import { Labelled } from "./labelled.tsx";

interface SizePickerProps {
  readonly form: DrawForm;
  readonly limits: Limits;
  readonly onForm: (change: Partial<DrawForm>) => void;
}

/** Pixels of the longer side of a preset's little picture. */
const SKETCH = 18;

export function SizePicker({ form, limits, onForm }: SizePickerProps) {
  return (
    <Labelled
      label="Size"
      value={
        <>
          <span data-testid="size">
            {form.width} × {form.height}
          </span>
          <Tooltip label="Swap width and height">
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label="Swap width and height"
              onClick={() => onForm({ width: form.height, height: form.width })}
            >
              <IconArrowsExchange size={16} />
            </ActionIcon>
          </Tooltip>
        </>
      }
    >
      <div className={classes.presets}>
        {SIZE_PRESETS.filter(({ width, height }) => Math.max(width, height) <= limits.side).map(
          ({ width, height }) => (
            <UnstyledButton
              key={`${width}x${height}`}
              className={classes.preset}
              aria-pressed={form.width === width && form.height === height}
              onClick={() => onForm({ width, height })}
              data-testid={`size-${width}x${height}`}
            >
              <span
                aria-hidden
                className={classes.sketch}
                style={{
                  width: (SKETCH * width) / Math.max(width, height),
                  height: (SKETCH * height) / Math.max(width, height),
                }}
              />
              {width} × {height}
            </UnstyledButton>
          ),
        )}
      </div>
      <div className={classes.sliders}>
        {(["width", "height"] as const).map((side) => (
          <Slider
            key={side}
            size="sm"
            thumbLabel={side === "width" ? "Width" : "Height"}
            label={(value) => `${side === "width" ? "Width" : "Height"} ${value}`}
            min={SMALLEST_SIDE}
            max={limits.side}
            step={SIDE_STEP * 8}
            value={form[side]}
            onChange={(value) => onForm({ [side]: value })}
          />
        ))}
      </div>
    </Labelled>
  );
}
