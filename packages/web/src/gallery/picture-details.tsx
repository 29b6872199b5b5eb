/** Under the stage: how the picture travelled, what can be done with it, and how it was made. */

import { ActionIcon, Badge, Button, Group, Tooltip } from "@mantine/core";
import {
  IconDownload,
  IconInfoCircle,
  IconPhotoEdit,
  IconPlant2,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";
import { formatBytes, formatDuration } from "../wording.ts";
import classes from "./gallery.module.css";
import { fileName, metadataOf, type Picture } from "./gallery.ts";
import { useObjectUrl } from "./use-object-url.ts";

interface PictureDetailsProps {
  readonly picture: Picture;
  /** Absent when the computer cannot draw from pictures. */
  readonly onUse: ((picture: Picture) => void) | undefined;
  readonly onSeed: (seed: number) => void;
  readonly onRemove: (picture: Picture) => void;
}

export function PictureDetails({ picture, onUse, onSeed, onRemove }: PictureDetailsProps) {
  const [open, setOpen] = useState(false);
  const url = useObjectUrl(picture.blob);
  return (
    <div className={classes.details}>
      <Group gap="xs" justify="space-between">
        <Group gap={8}>
          <Badge
            variant={picture.path === "direct" ? "filled" : "default"}
            size="lg"
            tt="none"
            data-testid="picture-path"
          >
            {picture.path} · {formatDuration(picture.elapsedMs)}
          </Badge>
          <span className={classes.facts}>
            {picture.width} × {picture.height} · {formatBytes(picture.size)}
          </span>
        </Group>
        <Group gap={6}>
          <Button
            component="a"
            size="xs"
            variant="default"
            leftSection={<IconDownload size={16} />}
            {...(url === undefined ? {} : { href: url })}
            download={fileName(picture)}
            data-testid="download"
          >
            Download
          </Button>
          {onUse !== undefined && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPhotoEdit size={16} />}
              onClick={() => onUse(picture)}
              data-testid="use-as-init"
            >
              Draw from this
            </Button>
          )}
          <Tooltip label={`Reuse seed ${picture.seed}`}>
            <ActionIcon
              variant="default"
              size={30}
              aria-label={`Reuse seed ${picture.seed}`}
              onClick={() => onSeed(picture.seed)}
              data-testid="reuse-seed"
            >
              <IconPlant2 size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="How it was made">
            <ActionIcon
              variant="default"
              size={30}
              aria-label="How it was made"
              aria-expanded={open}
              onClick={() => setOpen(!open)}
              data-testid="metadata-toggle"
            >
              <IconInfoCircle size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Remove from the page">
            <ActionIcon
              variant="default"
              size={30}
              aria-label="Remove from the page"
              onClick={() => onRemove(picture)}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      {open && (
        <dl className={classes.metadata} data-testid="metadata">
          {metadataOf(picture).map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
