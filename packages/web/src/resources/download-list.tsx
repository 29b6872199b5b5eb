/** Files on their way to the linked computer, with speed and remaining time; each can be stopped. */

import { ActionIcon, Button, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Fragment } from "react";
import { Problem } from "../problem.tsx";
import { type Download, isRunning, progressText, resourceError } from "./downloads.ts";
import classes from "./resources.module.css";

interface DownloadListProps {
  readonly downloads: readonly Download[];
  readonly onCancel: (download: Download) => void;
  readonly onDismiss: (download: Download) => void;
}

export function DownloadList({ downloads, onCancel, onDismiss }: DownloadListProps) {
  if (downloads.length === 0) return null;
  return (
    <Stack gap="xs" component="section" aria-label="Downloads">
      {downloads.map((download) => (
        <Paper
          key={download.id}
          withBorder
          p="sm"
          data-testid="download-row"
          data-status={download.status}
          className={classes.download}
        >
          <div className={classes.downloadBody}>
            {download.resources.map((resource) => (
              <Fragment key={resource.hash}>
                <div className={classes.downloadText}>
                  <Text size="sm" fw={600} truncate>
                    {resource.name ?? resource.hash.slice(0, 10)}
                  </Text>
                  <Text size="sm" c="dimmed" className={classes.size}>
                    {progressText(resource)}
                  </Text>
                </div>
                <Progress
                  size="sm"
                  aria-label={`Download of ${resource.name ?? resource.hash.slice(0, 10)}`}
                  value={resource.status === "success" ? 100 : (resource.progress ?? 0)}
                  color={resource.status === "error" ? "red" : "bee"}
                />
                <ResourceProblem error={resourceError(resource)} />
              </Fragment>
            ))}
            {download.resources.every(({ error }) => error === undefined) && (
              <ResourceProblem error={download.status === "error" ? download.error : undefined} />
            )}
          </div>
          {isRunning(download) ? (
            <Button
              size="xs"
              variant="default"
              onClick={() => onCancel(download)}
              data-testid="download-cancel"
            >
              Cancel
            </Button>
          ) : (
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Dismiss"
              onClick={() => onDismiss(download)}
            >
              <IconX size={16} />
            </ActionIcon>
          )}
        </Paper>
      ))}
    </Stack>
  );
}

function ResourceProblem({ error }: { readonly error: Download["error"] }) {
  return error === undefined ? null : <Problem error={error} />;
}
