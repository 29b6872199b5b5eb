/** The screen of an open link: three tabs, the path always in sight, and what must be said aloud. */

import { Button, Tabs, VisuallyHidden } from "@mantine/core";
import { IconBrush, IconChevronDown, IconHistory, IconStack2 } from "@tabler/icons-react";
import { ActivitiesTab } from "./activities/activities-tab.tsx";
import classes from "./app.module.css";
import { DrawPanel } from "./draw/draw-panel.tsx";
import { jobPhase } from "./draw/job-view.ts";
import { useStudio } from "./draw/studio-context.tsx";
import { Header } from "./header.tsx";
import { useLibrary } from "./library.tsx";
import { DemoButton } from "./link/demo-button.tsx";
import { useLinkActions, useLinkView } from "./link/link-context.tsx";
import { instanceTitle } from "./link/link-key.ts";
import { PathBadge } from "./path/path-badge.tsx";
import { badgeText } from "./path/path-wording.ts";
import { Problem } from "./problem.tsx";
import { ResourcesTab } from "./resources/resources-tab.tsx";

const TABS = [
  { value: "draw", label: "Draw", icon: IconBrush, panel: DrawPanel },
  { value: "resources", label: "Resources", icon: IconStack2, panel: ResourcesTab },
  { value: "activities", label: "Activities", icon: IconHistory, panel: ActivitiesTab },
] as const;

export function Workspace() {
  return (
    <Tabs
      defaultValue="draw"
      variant="none"
      classNames={{
        list: classes.tabs,
        tab: classes.tab,
        tabLabel: classes.tabLabel,
        tabSection: classes.tabIcon,
      }}
    >
      <Header>
        <Tabs.List aria-label="Sections">
          {TABS.map(({ value, label, icon: Icon }) => (
            <Tabs.Tab
              key={value}
              value={value}
              leftSection={<Icon size={18} />}
              data-testid={`tab-${value}`}
            >
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <span className={classes.spacer} />
        <CurrentLink />
        <PathBadge />
      </Header>
      <main className={classes.main}>
        <LinkTrouble />
        {TABS.map(({ value, panel: Panel }) => (
          <Tabs.Panel key={value} value={value}>
            <Panel />
          </Tabs.Panel>
        ))}
      </main>
      <Announcer />
    </Tabs>
  );
}

function CurrentLink() {
  const { instances, instanceId } = useLinkView();
  const { leave } = useLinkActions();
  const instance = instances?.find(({ id }) => id === instanceId);
  return (
    <Button
      className={classes.currentLink}
      variant="subtle"
      color="gray"
      size="compact-md"
      rightSection={<IconChevronDown size={16} />}
      onClick={leave}
      aria-label="Your links"
      data-testid="links"
    >
      {instance === undefined ? "Links" : instanceTitle(instance)}
    </Button>
  );
}

function LinkTrouble() {
  const { state, error, demo, instanceId } = useLinkView();
  const library = useLibrary();
  const { dismissError } = useLinkActions();
  const shown = error ?? library.error;
  if (shown === undefined && state !== "waiting") return null;
  return (
    <div className={classes.trouble}>
      {shown !== undefined && (
        <Problem error={shown} {...(error === undefined ? {} : { onClose: dismissError })} />
      )}
      {state === "waiting" && (
        <div className={classes.waiting} data-testid="waiting">
          <span>
            Your computer is not connected. Start <code>npx --no beeline extension</code> on it;
            this page goes on by itself.
          </span>
          {demo && instanceId !== undefined && <DemoButton instanceId={instanceId} />}
        </div>
      )}
    </div>
  );
}

/** Changes that a screen reader should hear of: the path, the job's phase, each picture. */
function Announcer() {
  const { state, path } = useLinkView();
  const { job, gallery } = useStudio();
  const count = gallery.pictures.length;
  return (
    <VisuallyHidden role="status" data-testid="announcer">
      {job === undefined ? "" : jobPhase(job)} {count === 0 ? "" : `${count} in the gallery.`}{" "}
      {badgeText(state, path)}.
    </VisuallyHidden>
  );
}
