/** The path in full: why it is what it is, what was measured, how every attempt went, and the policy. */

import type { Link, LinkStats, PathPolicy, PathReport } from "@beeline/client";
import { Badge, Group, Select, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useLinkActions } from "../link/link-context.tsx";
import { PATH_POLICIES, storedPolicy } from "../link/settings.ts";
import classes from "./path.module.css";
import {
  lastFew,
  POLICY_WORDS,
  pathRows,
  phaseText,
  reasonSentence,
  reasonText,
  switchText,
} from "./path-wording.ts";

/** Attempts and switches shown; older ones say nothing about now. */
const SHOWN = 4;

export function PathPanel({ link, path }: { readonly link: Link; readonly path: PathReport }) {
  const stats = useLinkStats(link);
  return (
    <Stack gap="md" data-testid="path-panel">
      <div>
        <Group gap="xs">
          <Text fw={650}>{path.kind === "direct" ? "Direct" : "By relay"}</Text>
          <Badge variant="default" tt="none" ff="monospace" fw={500} data-testid="path-reason">
            {path.reason}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {reasonSentence(path)}
        </Text>
      </div>
      <div className={classes.paths}>
        {stats.paths.map((one) => (
          <section key={`${one.kind}-${one.generation}`} data-testid={`path-stats-${one.kind}`}>
            <Text size="xs" fw={650} tt="uppercase" c={one.state === "open" ? "bright" : "dimmed"}>
              {one.kind} {one.state !== "open" && `(${one.state})`}
            </Text>
            <dl className={classes.rows}>
              {pathRows(one).map(([label, value]) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      {stats.attempts.length > 0 && (
        <section>
          <Text size="xs" fw={650} tt="uppercase">
            Direct attempts
          </Text>
          {lastFew(stats.attempts, SHOWN).map((attempt) => (
            <Text
              key={attempt.generation}
              size="xs"
              className={classes.attempt}
              data-testid="path-attempt"
            >
              <b>
                {attempt.generation}. {reasonText(attempt.reason)}
              </b>
              <br />
              {phaseText(attempt)}
            </Text>
          ))}
        </section>
      )}
      {stats.switches.length > 0 && (
        <section>
          <Text size="xs" fw={650} tt="uppercase">
            Switches
          </Text>
          {lastFew(stats.switches, SHOWN).map((change) => (
            <Text key={change.atMs} size="xs" c="dimmed" data-testid="path-switch">
              {switchText(change)}
            </Text>
          ))}
        </section>
      )}
      <PolicySelect />
    </Stack>
  );
}

function PolicySelect() {
  const { setPolicy } = useLinkActions();
  const [policy, choose] = useState(storedPolicy);
  function change(value: PathPolicy | null) {
    if (value === null) return;
    choose(value);
    setPolicy(value);
  }
  return (
    <Select
      label="Which path to take"
      description={POLICY_WORDS[policy].hint}
      data={PATH_POLICIES.map((value) => ({ value, label: POLICY_WORDS[value].label }))}
      value={policy}
      onChange={change}
      allowDeselect={false}
      comboboxProps={{ withinPortal: false }}
      data-testid="path-policy"
    />
  );
}

/** The link's figures, about once a second while someone looks. */
function useLinkStats(link: Link): LinkStats {
  const [stats, setStats] = useState(() => link.stats());
  useEffect(() => {
    setStats(link.stats());
    return link.on("stats", setStats);
  }, [link]);
  return stats;
}
