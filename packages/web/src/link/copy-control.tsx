/** A button that copies, and says whether it did. */

import { Button, type ButtonProps } from "@mantine/core";
import { IconCheck, IconCopy, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { copyText } from "./copy-text.ts";

/** How long "Copied" stays: long enough to be read, short enough to copy again. */
const SHOWN_MS = 2_000;

interface CopyControlProps extends ButtonProps {
  readonly text: string;
  readonly label: string;
  readonly "data-testid"?: string;
}

export function CopyControl({ text, label, ...button }: CopyControlProps) {
  const [outcome, setOutcome] = useState<"copied" | "failed" | undefined>();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const icon =
    outcome === "copied" ? (
      <IconCheck size={16} />
    ) : outcome === "failed" ? (
      <IconX size={16} />
    ) : (
      <IconCopy size={16} />
    );
  return (
    <Button
      variant="default"
      leftSection={icon}
      aria-live="polite"
      {...button}
      onClick={async () => setOutcome((await copyText(text)) ? "copied" : "failed")}
    >
      {outcome === "copied" ? "Copied" : outcome === "failed" ? "Select it by hand" : label}
    </Button>
  );
}
