/** A form for one resource: what it is, where it lies, and the hash that proves it. */

import { RESOURCE_TYPES, type ResourceToAdd } from "@beeline/protocol";
import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { type AddForm, addProblems, nameFromUrl, TYPE_WORDS } from "./resource-filter.ts";

const EMPTY: AddForm = { type: "checkpoint", name: "", hash: "", url: "" };

interface AddResourceProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onAdd: (resource: ResourceToAdd) => void;
}

export function AddResource({ opened, onClose, onAdd }: AddResourceProps) {
  const [form, setForm] = useState(EMPTY);
  /** Problems are told once someone tried to send, not while the first letter is typed. */
  const [tried, setTried] = useState(false);
  const problems = addProblems(form);
  const change = (fields: Partial<AddForm>) => setForm((before) => ({ ...before, ...fields }));
  function close() {
    setForm(EMPTY);
    setTried(false);
    onClose();
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    onAdd({
      type: form.type,
      name: form.name.trim(),
      hash: form.hash.trim().toLowerCase(),
      url: form.url.trim(),
    });
    close();
  }
  return (
    <Modal opened={opened} onClose={close} title="Add a resource" centered>
      <form onSubmit={submit} noValidate>
        <Stack>
          <TextInput
            label="Address"
            description="The linked computer downloads it from here."
            placeholder="https://…"
            inputMode="url"
            value={form.url}
            onChange={(event) => {
              const url = event.currentTarget.value;
              // A name that was typed by hand stays.
              const follows = form.name === "" || form.name === nameFromUrl(form.url);
              change({ url, ...(follows ? { name: nameFromUrl(url) } : {}) });
            }}
            error={tried && problems.url}
            data-autofocus
            data-testid="add-url"
          />
          <TextInput
            label="File name"
            placeholder="model.safetensors"
            value={form.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
            error={tried && problems.name}
            data-testid="add-name"
          />
          <TextInput
            label="SHA-256"
            description="A file that does not match is thrown away."
            value={form.hash}
            onChange={(event) => change({ hash: event.currentTarget.value })}
            error={tried && problems.hash}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            data-testid="add-hash"
          />
          <Select
            label="Type"
            data={RESOURCE_TYPES.map((value) => ({ value, label: TYPE_WORDS[value] }))}
            value={form.type}
            onChange={(type) => type !== null && change({ type })}
            allowDeselect={false}
            data-testid="add-type"
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Not now
            </Button>
            <Button type="submit" data-testid="add-submit">
              Download
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
