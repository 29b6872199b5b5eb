/** The last ten requests that the linked computer was asked for, by whichever page. */

import { type Activity, BeelineError } from "@beeline/protocol";
import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Loader,
  Paper,
  Progress,
  Stack,
  Text,
  Title,
  Tooltip,
} from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useCallback, useEffect, useState } from "react";
import { useLinkView } from "../link/link-context.tsx";
import { Problem } from "../problem.tsx";
import { formatAgo } from "../wording.ts";
import classes from "./activities.module.css";
import {
  activityDetail,
  activityError,
  activityTitle,
  isCancelable,
  STATUS_LOOK,
} from "./activity-wording.ts";

export function ActivitiesTab() {
  const { link, state } = useLinkView();
  const [activities, setActivities] = useState<readonly Activity[] | undefined>();
  const [error, setError] = useState<BeelineError | undefined>();

  const attempt = useCallback(async (action: () => Promise<unknown>) => {
    try {
      await action();
      setError(undefined);
    } catch (thrown) {
      setError(BeelineError.from(thrown));
    }
  }, []);

  const load = useCallback(
    () => attempt(async () => link !== undefined && setActivities(await link.listActivities())),
    [link, attempt],
  );

  useEffect(() => {
    if (link === undefined || state !== "linked") return;
    void load();
    return link.on("changed", (what) => what === "activities" && void load());
  }, [link, state, load]);

  const clear = () =>
    attempt(async () => {
      await link?.clearActivities();
      await load();
    });
  const cancel = (activity: Activity) =>
    attempt(async () => {
      const refs = (activity.resources ?? []).map(({ type, hash }) => ({ type, hash }));
      await link?.cancelAdd(activity.id, refs);
      await load();
    });

  return (
    <Stack className={classes.tab} gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h3">
          Activities
        </Title>
        <Group gap="xs">
          <Tooltip label="Reload">
            <ActionIcon variant="default" size={36} aria-label="Reload" onClick={load}>
              <IconRefresh size={18} />
            </ActionIcon>
          </Tooltip>
          <Button
            variant="default"
            disabled={activities === undefined || activities.length === 0}
            onClick={clear}
            data-testid="clear-activities"
          >
            Clear
          </Button>
        </Group>
      </Group>
      {error !== undefined && <Problem error={error} onClose={() => setError(undefined)} />}
      {activities === undefined && error === undefined && <Loader type="dots" mx="auto" />}
      {activities?.length === 0 && (
        <Text c="dimmed" ta="center" py="xl">
          Nothing yet. What this and other pages ask of your computer is listed here.
        </Text>
      )}
      {activities !== undefined && activities.length > 0 && (
        <Paper withBorder radius="lg" component="ul" className={classes.list}>
          {activities.map((activity) => (
            <ActivityRow key={activity.id} activity={activity} onCancel={cancel} />
          ))}
        </Paper>
      )}
    </Stack>
  );
}

function ActivityRow({
  activity,
  onCancel,
}: {
  readonly activity: Activity;
  readonly onCancel: (activity: Activity) => void;
}) {
  const error = activityError(activity);
  const at = activity.updatedAt ?? activity.createdAt;
  return (
    <li
      className={classes.row}
      data-testid="activity-row"
      data-status={STATUS_LOOK[activity.status].word}
      data-type={activity.type}
    >
      <div className={classes.body}>
        <Group gap="xs">
          <Text fw={600}>{activityTitle(activity)}</Text>
          <Badge variant="light" color={STATUS_LOOK[activity.status].color} tt="none">
            {STATUS_LOOK[activity.status].word}
          </Badge>
          {at !== undefined && (
            <Text size="sm" c="dimmed" component="time" dateTime={at}>
              {formatAgo(at, Date.now())}
            </Text>
          )}
        </Group>
        <Text size="sm" c="dimmed" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
          {activityDetail(activity)}
        </Text>
        {activity.status === "processing" && activity.progress !== undefined && (
          <Progress size="sm" value={activity.progress} aria-label="Progress" mt={6} />
        )}
        {error !== undefined && error.code !== "CANCELED" && (
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            <Text span inherit c="var(--mantine-color-error)">
              {error.detail}
            </Text>
            <br />
            {error.remedy}
          </Text>
        )}
      </div>
      {isCancelable(activity) && (
        <Button
          size="xs"
          variant="default"
          onClick={() => onCancel(activity)}
          data-testid="activity-cancel"
        >
          Cancel
        </Button>
      )}
    </li>
  );
}
