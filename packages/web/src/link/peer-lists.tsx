/**
 * Who is in a link's room, and who was when it was paired, asked for when it is opened. Everything
 * here is text: names are whatever their owners said.
 */

import { createInstances } from "@beeline/client";
import { BeelineError, type LinkPeer, type LinkPeers } from "@beeline/protocol";
import { Badge, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useId, useState } from "react";
import { formatAgo } from "../wording.ts";
import classes from "./link.module.css";
import { isStillHere, peerKind, peerName } from "./peer-wording.ts";

export function PeerLists({ instanceId }: { readonly instanceId: number }) {
  const [found, setFound] = useState<LinkPeers | BeelineError | undefined>();
  useEffect(() => {
    let isWanted = true;
    createInstances({ server: location.origin })
      .peers(instanceId)
      .catch((thrown: unknown) => BeelineError.from(thrown))
      .then((outcome) => isWanted && setFound(outcome));
    return () => {
      isWanted = false;
    };
  }, [instanceId]);

  if (found === undefined) {
    return (
      <Group justify="center" role="status" aria-label="Asking the server">
        <Loader type="dots" />
      </Group>
    );
  }
  if (found instanceof BeelineError) {
    return (
      <Text size="sm" c="dimmed" role="status" data-testid="peers-error">
        The server did not tell: {found.detail}. {found.remedy}
      </Text>
    );
  }
  const { peers, pairing } = found;
  return (
    <Stack gap="lg">
      <PeerList title="Here now" none="Nobody is here now." peers={peers} testId="peers-now">
        {() => null}
      </PeerList>
      {pairing === null ? (
        <Text size="sm" c="dimmed">
          There is no record of a pairing.
        </Text>
      ) : (
        <PeerList
          title={`When it was paired, ${formatAgo(pairing.at, Date.now())}`}
          none="Nobody was here."
          peers={pairing.peers}
          testId="peers-paired"
        >
          {(peer) => (isStillHere(peer, peers) ? "still here" : "gone since")}
        </PeerList>
      )}
      <Text size="sm" c="dimmed">
        Somebody you do not know? A new key for the link shuts everybody out but you; then pair
        again.
      </Text>
    </Stack>
  );
}

interface PeerListProps {
  readonly title: string;
  readonly none: string;
  readonly peers: readonly LinkPeer[];
  readonly testId: string;
  /** What became of one, where there is something to say. */
  readonly children: (peer: LinkPeer) => ReactNode;
}

function PeerList({ title, none, peers, testId, children: fate }: PeerListProps) {
  const titleId = useId();
  return (
    <section aria-labelledby={titleId}>
      <Title order={3} size="h6" id={titleId} mb={4}>
        {title}
      </Title>
      {peers.length === 0 ? (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      ) : (
        <ul className={classes.list} data-testid={testId}>
          {peers.map((peer, index) => (
            // The server knows them by no other name, and this list never changes.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <PeerRow key={index} peer={peer} fate={fate(peer)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function PeerRow({ peer, fate }: { readonly peer: LinkPeer; readonly fate: ReactNode }) {
  return (
    <li className={classes.peer} data-testid="peer">
      <Group gap="xs">
        <Text fw={600} size="sm" style={{ overflowWrap: "anywhere" }}>
          {peerName(peer)}
        </Text>
        <Badge variant="default" size="sm" tt="none">
          {peerKind(peer)}
        </Badge>
        {peer.isOwner && (
          <Badge variant="light" size="sm" tt="none">
            you
          </Badge>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        joined{" "}
        <time dateTime={peer.since} title={peer.since}>
          {formatAgo(peer.since, Date.now())}
        </time>{" "}
        from {peer.address}
        {fate !== null && `, ${fate}`}
      </Text>
    </li>
  );
}
