/** The large picture in the middle: the one chosen, the one being drawn, or the promise of a first. */

import { Progress, Text } from "@mantine/core";
import { type CSSProperties, useMemo } from "react";
import { type JobView, jobPhase } from "../draw/job-view.ts";
import { formatBytes, formatRemaining } from "../wording.ts";
import classes from "./gallery.module.css";
import { imageBlob, type Picture } from "./gallery.ts";
import { useObjectUrl } from "./use-object-url.ts";

/** A picture that has arrived. */
export function PictureStage({
  picture,
  onEnlarge,
}: {
  readonly picture: Picture;
  readonly onEnlarge: () => void;
}) {
  const url = useObjectUrl(picture.blob);
  return (
    <div className={classes.stage}>
      <button
        type="button"
        className={classes.enlarge}
        onClick={onEnlarge}
        aria-label="Show in full size"
      >
        <img
          className={classes.large}
          {...(url === undefined ? {} : { src: url })}
          alt={picture.draw.request.params.prompt}
          width={picture.width}
          height={picture.height}
          data-testid="stage-image"
        />
      </button>
    </div>
  );
}

/** The picture in the making: its preview once there is one, and how far it is. */
export function JobStage({ job }: { readonly job: JobView }) {
  const blob = useMemo(
    () => (job.preview === undefined ? undefined : imageBlob(job.preview.bytes, job.preview.mime)),
    [job.preview],
  );
  const url = useObjectUrl(blob);
  return (
    <div className={classes.stage}>
      <div
        className={classes.frame}
        style={
          {
            aspectRatio: `${job.width} / ${job.height}`,
            "--ratio": job.width / job.height,
          } as CSSProperties
        }
      >
        {url === undefined ? (
          <div className={classes.shimmer} />
        ) : (
          <img
            className={classes.preview}
            src={url}
            alt="Preview of what is being drawn"
            data-testid="preview"
          />
        )}
      </div>
    </div>
  );
}

/** The bar under the prompt: phase, step, remaining time. */
export function JobProgress({ job }: { readonly job: JobView }) {
  const { transfer } = job;
  const details = [
    transfer === undefined && job.steps > 0 ? `step ${job.step}/${job.steps}` : undefined,
    transfer === undefined
      ? undefined
      : `${formatBytes(transfer.received)} of ${formatBytes(transfer.size)}`,
    job.etaMs === undefined || transfer !== undefined ? undefined : formatRemaining(job.etaMs),
  ].filter((text) => text !== undefined);
  return (
    <div
      data-testid="progress"
      data-progress={job.progress}
      data-step={job.step}
      data-status={job.status}
    >
      <div className={classes.progressText}>
        <Text size="sm" fw={600}>
          {jobPhase(job)}
        </Text>
        <Text size="sm" c="dimmed" className={classes.figures}>
          {details.join(" · ")}
        </Text>
      </div>
      <Progress.Root size="sm" radius="xl">
        <Progress.Section
          value={job.progress}
          aria-label="Progress of the job"
          animated={job.status !== "processing"}
        />
      </Progress.Root>
    </div>
  );
}

/** Before the first picture. */
export function EmptyStage() {
  return (
    <div className={classes.stage}>
      <div className={classes.empty}>
        <Comb />
        <Text c="dimmed" ta="center">
          Your picture appears here.
        </Text>
      </div>
    </div>
  );
}

/** Seven cells of comb, drawn by their centres; the middle one is filled. */
function Comb() {
  const cell = "M0-18 15.6-9V9L0 18-15.6 9V-9Z";
  const centres = [
    [0, 0],
    [34, 0],
    [-34, 0],
    [17, 29.4],
    [-17, 29.4],
    [17, -29.4],
    [-17, -29.4],
  ] as const;
  return (
    <svg
      viewBox="-56 -54 112 108"
      width="150"
      aria-hidden="true"
      focusable="false"
      className={classes.comb}
    >
      {centres.map(([x, y]) => (
        <path
          key={`${x},${y}`}
          d={cell}
          transform={`translate(${x} ${y})`}
          data-filled={x === 0 && y === 0}
        />
      ))}
    </svg>
  );
}
