/** Every picture of this visit, newest first. Choosing one puts it on the stage. */

import { Text, UnstyledButton } from "@mantine/core";
import { formatDuration } from "../wording.ts";
import classes from "./gallery.module.css";
import type { Picture } from "./gallery.ts";
import { useObjectUrl } from "./use-object-url.ts";

interface ThumbnailsProps {
  readonly pictures: readonly Picture[];
  readonly chosen: string | undefined;
  readonly dropped: number;
  readonly onChoose: (picture: Picture) => void;
}

export function Thumbnails({ pictures, chosen, dropped, onChoose }: ThumbnailsProps) {
  return (
    <section aria-label="Gallery">
      <ul className={classes.thumbnails}>
        {pictures.map((picture) => (
          <li key={picture.key}>
            <Thumbnail picture={picture} isChosen={picture.key === chosen} onChoose={onChoose} />
          </li>
        ))}
      </ul>
      {dropped > 0 && (
        <Text size="xs" c="dimmed" mt="xs">
          {dropped === 1 ? "The oldest picture" : `The ${dropped} oldest pictures`} left this page
          to save memory.
        </Text>
      )}
    </section>
  );
}

function Thumbnail({
  picture,
  isChosen,
  onChoose,
}: {
  readonly picture: Picture;
  readonly isChosen: boolean;
  readonly onChoose: (picture: Picture) => void;
}) {
  const url = useObjectUrl(picture.blob);
  return (
    <UnstyledButton
      className={classes.thumbnail}
      aria-pressed={isChosen}
      aria-label={`Picture with seed ${picture.seed}`}
      onClick={() => onChoose(picture)}
    >
      <img
        className={classes.thumbnailImage}
        {...(url === undefined ? {} : { src: url })}
        alt=""
        width={picture.width}
        height={picture.height}
        data-testid="gallery-image"
        data-sha256={picture.sha256}
        data-path={picture.path}
        data-elapsed={Math.round(picture.elapsedMs)}
        data-seed={picture.seed}
      />
      <span className={classes.travelled}>
        {picture.path} · {formatDuration(picture.elapsedMs)}
      </span>
    </UnstyledButton>
  );
}
