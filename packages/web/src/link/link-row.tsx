/** One link in the list: open it, rename it, see who was there, give it a new key, delete it. */

import type { LinkInstance } from "@beeline/protocol";
import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Menu,
  Modal,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import {
  IconChevronRight,
  IconDots,
  IconKey,
  IconPencil,
  IconTrash,
  IconUsers,
} from "@tabler/icons-react";
import { useState } from "react";
import { Confirm } from "../confirm.tsx";
import classes from "./link.module.css";
import { useLinkActions } from "./link-context.tsx";
import { instanceTitle } from "./link-key.ts";
import { PeerLists } from "./peer-lists.tsx";

/** Longer names do not fit a phone, and the server's own limit is higher. */
const NAME_LENGTH = 60;

export function LinkRow({ instance }: { readonly instance: LinkInstance }) {
  const actions = useLinkActions();
  const [asking, setAsking] = useState<"rename" | "peers" | "rekey" | "remove" | undefined>();
  const title = instanceTitle(instance);
  const done = () => setAsking(undefined);
  return (
    <li className={classes.row} data-testid="instance-row" data-id={instance.id}>
      <UnstyledButton
        className={classes.open}
        onClick={() => actions.open(instance)}
        data-testid="open-instance"
      >
        <Text fw={600} truncate>
          {title}
        </Text>
        {!instance.activated && (
          <Badge variant="default" size="sm">
            not paired yet
          </Badge>
        )}
        <IconChevronRight size={18} style={{ marginLeft: "auto", opacity: 0.5, flex: "none" }} />
      </UnstyledButton>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`More for ${title}`}
            data-testid="instance-menu"
          >
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setAsking("rename")}>
            Rename
          </Menu.Item>
          <Menu.Item
            leftSection={<IconUsers size={16} />}
            onClick={() => setAsking("peers")}
            data-testid="show-peers"
          >
            Who was here
          </Menu.Item>
          <Menu.Item
            leftSection={<IconKey size={16} />}
            onClick={() => setAsking("rekey")}
            data-testid="rekey-instance"
          >
            New key
          </Menu.Item>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} />}
            onClick={() => setAsking("remove")}
            data-testid="remove-instance"
          >
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={asking === "rename"} onClose={done} title="Rename link" centered>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const name = new FormData(event.currentTarget).get("name");
            if (typeof name === "string") void actions.rename(instance.id, name.trim());
            done();
          }}
        >
          <Stack>
            <TextInput
              name="name"
              label="Name"
              defaultValue={instance.name ?? ""}
              maxLength={NAME_LENGTH}
              data-autofocus
            />
            <Group justify="flex-end">
              <Button variant="default" onClick={done}>
                Keep
              </Button>
              <Button type="submit">Rename</Button>
            </Group>
          </Stack>
        </form>
      </Modal>
      <Modal opened={asking === "peers"} onClose={done} title={`Who was here: ${title}`} centered>
        <PeerLists instanceId={instance.id} />
      </Modal>
      <Confirm
        opened={asking === "rekey"}
        title={`New key for ${title}?`}
        text="The key in use stops working at once. The computer on this link has to be paired again."
        action="Make a new key"
        onConfirm={() => void actions.rekey(instance.id)}
        onClose={done}
      />
      <Confirm
        opened={asking === "remove"}
        title={`Delete ${title}?`}
        text="The computer on this link is disconnected and forgets it. Nothing is deleted on the computer itself."
        action="Delete"
        color="red.8"
        onConfirm={() => void actions.remove(instance.id)}
        onClose={done}
      />
    </li>
  );
}
