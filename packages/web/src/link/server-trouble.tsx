/** The server did not say which links there are: nothing can be offered but another try. */

import type { BeelineError } from "@beeline/protocol";
import { Button, Stack } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Problem } from "../problem.tsx";
import classes from "./link.module.css";
import { useLinkActions } from "./link-context.tsx";

export function ServerTrouble({ error }: { readonly error: BeelineError }) {
  const actions = useLinkActions();
  return (
    <Stack className={classes.narrow}>
      <Problem error={error} />
      <Button
        style={{ alignSelf: "flex-start" }}
        leftSection={<IconRefresh size={18} />}
        onClick={actions.reload}
        data-testid="retry"
      >
        Try again
      </Button>
    </Stack>
  );
}
