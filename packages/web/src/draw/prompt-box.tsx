/** What to draw, and the button that does. */

import { Anchor, Button, Kbd, SegmentedControl, Stack, Textarea } from "@mantine/core";
import { IconPlayerStopFilled, IconSparkles } from "@tabler/icons-react";
import { useState } from "react";
import { JobProgress } from "../gallery/stage.tsx";
import classes from "./draw.module.css";
import type { DrawForm } from "./draw-form.ts";
import type { JobView } from "./job-view.ts";

interface PromptBoxProps {
  readonly form: DrawForm;
  readonly canUsePictures: boolean;
  readonly onForm: (change: Partial<DrawForm>) => void;
}

export function PromptBox({ form, canUsePictures, onForm }: PromptBoxProps) {
  const [negative, setNegative] = useState(form.negativePrompt !== "");
  return (
    <Stack gap="sm">
      {canUsePictures && (
        <SegmentedControl
          fullWidth
          aria-label="Draw from"
          value={form.mode}
          onChange={(mode) => onForm({ mode: mode === "img2img" ? "img2img" : "txt2img" })}
          data={[
            { value: "txt2img", label: "From words" },
            { value: "img2img", label: "From a picture" },
          ]}
          data-testid="mode"
        />
      )}
      <Textarea
        label="Prompt"
        placeholder="What should the picture show?"
        autosize
        minRows={3}
        maxRows={9}
        value={form.prompt}
        onChange={(event) => onForm({ prompt: event.currentTarget.value })}
        data-testid="prompt"
      />
      {negative ? (
        <Textarea
          label="Negative prompt"
          placeholder="What should not be in it?"
          autosize
          minRows={1}
          maxRows={5}
          value={form.negativePrompt}
          onChange={(event) => onForm({ negativePrompt: event.currentTarget.value })}
          data-testid="negative-prompt"
        />
      ) : (
        <Anchor
          component="button"
          type="button"
          size="sm"
          c="dimmed"
          style={{ alignSelf: "flex-start" }}
          onClick={() => setNegative(true)}
          data-testid="add-negative"
        >
          Add a negative prompt
        </Anchor>
      )}
    </Stack>
  );
}

interface DrawBarProps {
  readonly job: JobView | undefined;
  /** Why nothing can be drawn now, as a sentence; undefined when it can. */
  readonly obstacle: string | undefined;
  readonly isPreparing: boolean;
  readonly onDraw: () => void;
  readonly onCancel: () => void;
}

export function DrawBar({ job, obstacle, isPreparing, onDraw, onCancel }: DrawBarProps) {
  if (job !== undefined) {
    return (
      <div className={classes.drawBar}>
        <JobProgress job={job} />
        <Button
          fullWidth
          size="md"
          variant="default"
          leftSection={<IconPlayerStopFilled size={16} />}
          rightSection={
            <Kbd size="xs" visibleFrom="sm">
              Esc
            </Kbd>
          }
          disabled={job.canceling}
          onClick={onCancel}
          data-testid="cancel"
        >
          Cancel
        </Button>
      </div>
    );
  }
  return (
    <div className={classes.drawBar}>
      <Button
        fullWidth
        size="md"
        leftSection={<IconSparkles size={18} />}
        rightSection={
          <Kbd size="xs" visibleFrom="sm" className={classes.onYellow}>
            Ctrl ↵
          </Kbd>
        }
        loading={isPreparing}
        disabled={obstacle !== undefined}
        onClick={onDraw}
        data-testid="generate"
      >
        Draw
      </Button>
      {obstacle !== undefined && (
        <div className={classes.obstacle} data-testid="obstacle">
          {obstacle}
        </div>
      )}
    </div>
  );
}
