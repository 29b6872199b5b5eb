/**
 * "First connection": the short key, and every way to bring it to the computer that draws.
 * Gone as soon as the server has replaced the key.
 */

import {
  ActionIcon,
  Anchor,
  Box,
  Button,
  Code,
  Group,
  Loader,
  Paper,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { IconArrowLeft, IconRefresh } from "@tabler/icons-react";
import { Problem } from "../problem.tsx";
import { CopyControl } from "./copy-control.tsx";
import { DemoButton } from "./demo-button.tsx";
import classes from "./link.module.css";
import { useLinkActions, useLinkView } from "./link-context.tsx";
import { extensionCommand } from "./link-key.ts";
import { QrCode } from "./qr-code.tsx";

export function Pairing({
  pairingKey,
  instanceId,
}: {
  readonly pairingKey: string;
  readonly instanceId: number;
}) {
  const view = useLinkView();
  const actions = useLinkActions();
  const command = extensionCommand(location.origin, pairingKey);
  return (
    <Stack className={classes.narrow} gap="lg">
      <Group gap="xs" wrap="nowrap">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Back to your links"
          onClick={actions.leave}
        >
          <IconArrowLeft size={20} />
        </ActionIcon>
        <Title order={1} size="h2">
          Link your computer
        </Title>
      </Group>
      <Paper withBorder p={{ base: "md", xs: "xl" }} radius="lg">
        <div className={classes.pairing}>
          <Stack gap="xs" align="flex-start" miw={0}>
            <Text size="sm" c="dimmed">
              Your link key
            </Text>
            <Text className={classes.key} data-testid="link-key">
              {pairingKey}
            </Text>
            <Group gap="xs">
              <CopyControl text={pairingKey} label="Copy key" data-testid="copy-key" />
              <Button
                variant="subtle"
                color="gray"
                leftSection={<IconRefresh size={16} />}
                onClick={() => actions.rekey(instanceId)}
              >
                New key
              </Button>
            </Group>
            <Text size="sm" c="dimmed">
              It is good for pairing only. Once your computer has used it, both sides get a lasting
              key of their own and this one stops working.
            </Text>
          </Stack>
          <Box visibleFrom="xs">
            <QrCode text={command} size={156} label="The command below as a QR code" />
          </Box>
        </div>
      </Paper>
      <Stack gap="xs">
        <Title order={2} size="h5">
          On the computer that runs Stable Diffusion, type
        </Title>
        <Group gap="xs" wrap="nowrap" align="stretch">
          <Code block className={classes.command} data-testid="extension-command">
            {command}
          </Code>
        </Group>
        <Group gap="xs">
          <CopyControl text={command} label="Copy command" size="xs" data-testid="copy-command" />
        </Group>
        <Text size="sm" c="dimmed">
          In the folder of Beeline, after <Code>npm run setup</Code>. It needs nothing but{" "}
          <Anchor href="https://nodejs.org" target="_blank" rel="noreferrer" inherit>
            Node.js
          </Anchor>
          , opens no port and changes no firewall. To try it without Stable Diffusion, add{" "}
          <Code>--backend demo</Code>.
        </Text>
      </Stack>
      <Box hiddenFrom="xs">
        <QrCode text={command} size={156} label="The command above as a QR code" />
      </Box>
      {view.error !== undefined && <Problem error={view.error} onClose={actions.dismissError} />}
      {view.demo && <DemoButton instanceId={instanceId} />}
      <Group gap="sm" role="status">
        <Loader size="sm" type="dots" />
        <Text size="sm" c="dimmed">
          {view.state === "joining" ? "Reaching the link server…" : "Waiting for your computer…"}{" "}
          This page goes on by itself.
        </Text>
      </Group>
    </Stack>
  );
}
