/** Links the extension of the demo, which runs in the server's own process. One click. */

import { BeelineError } from "@beeline/protocol";
import { Button } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useState } from "react";
import { Problem } from "../problem.tsx";
import { pairDemo } from "./demo.ts";
import { useLinkActions } from "./link-context.tsx";

/** @param instanceId the instance to link; without it, a new one is made. */
export function DemoButton({ instanceId }: { readonly instanceId?: number }) {
  const actions = useLinkActions();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<BeelineError | undefined>();
  async function link() {
    setBusy(true);
    setError(undefined);
    try {
      if (instanceId === undefined) await actions.createDemo();
      else await pairDemo(instanceId);
    } catch (thrown) {
      setError(BeelineError.from(thrown));
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <Button
        size="md"
        loading={busy}
        onClick={link}
        leftSection={<IconDeviceDesktop size={20} />}
        data-testid="link-demo"
        style={{ alignSelf: "flex-start" }}
      >
        Link this computer
      </Button>
      {error !== undefined && <Problem error={error} />}
    </>
  );
}
