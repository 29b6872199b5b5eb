/** "Following connections": the links of this browser, and the first one's beginning. */

import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Logo } from "../logo.tsx";
import { Problem } from "../problem.tsx";
import { DemoButton } from "./demo-button.tsx";
import classes from "./link.module.css";
import { useLinkActions, useLinkView } from "./link-context.tsx";
import { LinkRow } from "./link-row.tsx";

export function Links() {
  const view = useLinkView();
  const actions = useLinkActions();
  const instances = view.instances ?? [];
  return (
    <Stack className={classes.narrow} gap="lg">
      {view.error !== undefined && <Problem error={view.error} onClose={actions.dismissError} />}
      {instances.length === 0 ? (
        <Welcome demo={view.demo} />
      ) : (
        <>
          <Group justify="space-between">
            <Title order={1} size="h2">
              Your links
            </Title>
            <CreateButton first={false} />
          </Group>
          <Paper withBorder radius="lg" component="ul" className={classes.list}>
            {instances.map((instance) => (
              <LinkRow key={instance.id} instance={instance} />
            ))}
          </Paper>
          {view.demo && instances.every((instance) => !instance.activated) && <DemoButton />}
        </>
      )}
    </Stack>
  );
}

function Welcome({ demo }: { readonly demo: boolean }) {
  return (
    <Stack gap="lg" align="flex-start" className={classes.welcome}>
      <Logo size={64} />
      <Title order={1} className={classes.headline}>
        Your own Stable Diffusion, from any page
      </Title>
      <Text size="lg" c="dimmed">
        {demo
          ? "This server brings a demo renderer along. Link it and draw your first picture; no Stable Diffusion is needed."
          : "Link the computer that draws once. From then on this page reaches it from anywhere: over the server at first, directly as soon as the network allows."}
      </Text>
      {demo && <DemoButton />}
      {demo ? (
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            Or link another computer by hand:
          </Text>
          <CreateButton first={false} />
        </Group>
      ) : (
        <CreateButton first />
      )}
    </Stack>
  );
}

function CreateButton({ first }: { readonly first: boolean }) {
  const actions = useLinkActions();
  const [busy, setBusy] = useState(false);
  async function create() {
    setBusy(true);
    await actions.create();
    setBusy(false);
  }
  return (
    <Button
      variant={first ? "filled" : "default"}
      size={first ? "md" : "sm"}
      leftSection={<IconPlus size={18} />}
      loading={busy}
      onClick={create}
      data-testid="create-link"
    >
      {first ? "Create a link" : "New link"}
    </Button>
  );
}
