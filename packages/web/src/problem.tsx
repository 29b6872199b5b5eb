/** An error, shown with what can be done about it. Everything in it is text, whoever wrote it. */

import type { BeelineError } from "@beeline/protocol";
import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

interface ProblemProps {
  readonly error: BeelineError;
  readonly title?: string;
  readonly onClose?: () => void;
}

export function Problem({ error, title, onClose }: ProblemProps) {
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle size={18} />}
      title={title ?? error.detail}
      role="alert"
      data-testid="error"
      data-code={error.code}
      withCloseButton={onClose !== undefined}
      closeButtonLabel="Dismiss"
      {...(onClose === undefined ? {} : { onClose })}
      styles={{ title: { overflowWrap: "anywhere" } }}
    >
      {title !== undefined && (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {error.detail}
        </Text>
      )}
      <Text size="sm">{error.remedy}</Text>
      <Text size="xs" c="dimmed" ff="monospace" mt={4}>
        {error.code}
      </Text>
    </Alert>
  );
}
