/** What the linked computer has, and how to bring it more. */

import { BeelineError, RESOURCE_TYPES, type Resource, type ResourceType } from "@beeline/protocol";
import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Loader,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
  Tooltip,
} from "@mantine/core";
import { IconPlus, IconRefresh, IconSearch, IconTrash } from "@tabler/icons-react";
import { useDeferredValue, useMemo, useState } from "react";
import { Confirm } from "../confirm.tsx";
import { useLibrary } from "../library.tsx";
import { useLinkView } from "../link/link-context.tsx";
import { Problem } from "../problem.tsx";
import { formatBytes } from "../wording.ts";
import { AddResource } from "./add-resource.tsx";
import { DownloadList } from "./download-list.tsx";
import { resourceError } from "./downloads.ts";
import { filterResources, TYPE_WORDS, typesIn } from "./resource-filter.ts";
import classes from "./resources.module.css";
import { useDownloads } from "./use-downloads.ts";

/** Rows shown at first, and more at a time: thousands of rows make a phone crawl. */
const PAGE = 100;

export function ResourcesTab() {
  const { link, state } = useLinkView();
  const { resources, error, reload } = useLibrary();
  const downloads = useDownloads();
  const [type, setType] = useState<ResourceType | undefined>();
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(PAGE);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Resource | undefined>();
  const [problem, setProblem] = useState<BeelineError | undefined>();
  const deferredSearch = useDeferredValue(search);
  const found = useMemo(
    () => filterResources(resources ?? [], type, deferredSearch),
    [resources, type, deferredSearch],
  );

  async function remove(resource: Resource): Promise<void> {
    if (link === undefined) return;
    setProblem(undefined);
    try {
      const { type, hash } = resource;
      const [outcome] = await link.removeResources([{ type, hash }]);
      setProblem(outcome && resourceError(outcome));
      await reload();
    } catch (thrown) {
      setProblem(BeelineError.from(thrown));
    }
  }

  const anyError = problem ?? downloads.error ?? error;
  return (
    <Stack className={classes.tab} gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h3">
          Resources
        </Title>
        <Group gap="xs">
          <Tooltip label="Reload">
            <ActionIcon
              variant="default"
              size={36}
              aria-label="Reload"
              onClick={reload}
              data-testid="resources-reload"
            >
              <IconRefresh size={18} />
            </ActionIcon>
          </Tooltip>
          <Button
            leftSection={<IconPlus size={18} />}
            disabled={state !== "linked"}
            onClick={() => setAdding(true)}
            data-testid="add-resource"
          >
            Add
          </Button>
        </Group>
      </Group>
      {anyError !== undefined && (
        <Problem
          error={anyError}
          {...(problem === undefined ? {} : { onClose: () => setProblem(undefined) })}
        />
      )}
      <DownloadList
        downloads={downloads.list}
        onCancel={downloads.cancel}
        onDismiss={downloads.dismiss}
      />
      <Group gap="sm" wrap="nowrap">
        <TextInput
          style={{ flex: 1 }}
          leftSection={<IconSearch size={16} />}
          placeholder="Name or hash"
          aria-label="Search by name or hash"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          data-testid="resource-search"
        />
        <Select
          w={170}
          aria-label="Type"
          placeholder="All types"
          clearable
          data={typesIn(resources ?? []).map(({ type, count }) => ({
            value: type,
            label: `${TYPE_WORDS[type]} (${count})`,
          }))}
          value={type ?? null}
          onChange={(value) => setType(RESOURCE_TYPES.find((known) => known === value))}
          data-testid="resource-type-filter"
        />
      </Group>
      {resources === undefined && error === undefined ? (
        <Loader type="dots" mx="auto" />
      ) : found.length === 0 ? (
        <Text c="dimmed" ta="center" py="xl">
          {resources?.length === 0
            ? "Nothing here yet. Add a model by its address."
            : "Nothing matches."}
        </Text>
      ) : (
        <Table verticalSpacing="sm" className={classes.table}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Type</Table.Th>
              <Table.Th>SHA-256</Table.Th>
              <Table.Th ta="right">Size</Table.Th>
              <Table.Th aria-label="Actions" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.slice(0, shown).map((resource) => (
              <Row
                key={`${resource.hash}${resource.path ?? resource.name}`}
                resource={resource}
                onRemove={setRemoving}
              />
            ))}
          </Table.Tbody>
        </Table>
      )}
      {found.length > shown && (
        <Button
          variant="default"
          onClick={() => setShown(shown + PAGE)}
          style={{ alignSelf: "center" }}
        >
          Show more of {found.length}
        </Button>
      )}
      <AddResource opened={adding} onClose={() => setAdding(false)} onAdd={downloads.add} />
      <Confirm
        opened={removing !== undefined}
        title="Remove from the computer?"
        text={`${removing?.name ?? ""} is deleted from the linked computer's disk.`}
        action="Remove"
        color="red.8"
        onConfirm={() => removing && void remove(removing)}
        onClose={() => setRemoving(undefined)}
      />
    </Stack>
  );
}

function Row({
  resource,
  onRemove,
}: {
  readonly resource: Resource;
  readonly onRemove: (resource: Resource) => void;
}) {
  return (
    <Table.Tr data-testid="resource-row" data-hash={resource.hash} data-type={resource.type}>
      <Table.Td className={classes.name}>{resource.name}</Table.Td>
      <Table.Td>
        <Group gap={6}>
          <Badge variant="default" tt="none" fw={500}>
            {TYPE_WORDS[resource.type]}
          </Badge>
          {resource.downloading === true && (
            <Badge variant="light" tt="none" fw={500}>
              on its way
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td className={classes.hash} title={resource.hash}>
        {resource.hash.slice(0, 10)}
      </Table.Td>
      <Table.Td ta="right" className={classes.size}>
        {resource.size === undefined ? "" : formatBytes(resource.size)}
      </Table.Td>
      <Table.Td ta="right" className={classes.actions}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Remove ${resource.name}`}
          onClick={() => onRemove(resource)}
          data-testid="resource-remove"
        >
          <IconTrash size={18} />
        </ActionIcon>
      </Table.Td>
    </Table.Tr>
  );
}
