/** Which screen is shown, and what lives as long as the page: the link, its library, the studio. */

import { Loader } from "@mantine/core";
import { useEffect } from "react";
import classes from "./app.module.css";
import { StudioProvider } from "./draw/studio-context.tsx";
import { Header } from "./header.tsx";
import { LibraryProvider } from "./library.tsx";
import { LinkProvider, useLinkView } from "./link/link-context.tsx";
import { screenOf } from "./link/link-view.ts";
import { Links } from "./link/links.tsx";
import { Pairing } from "./link/pairing.tsx";
import { ServerTrouble } from "./link/server-trouble.tsx";
import { Workspace } from "./workspace.tsx";

export function App() {
  return (
    <LinkProvider>
      <LibraryProvider>
        <StudioProvider>
          <Screen />
        </StudioProvider>
      </LibraryProvider>
    </LinkProvider>
  );
}

function Screen() {
  const view = useLinkView();
  const screen = screenOf(view);
  // Another screen begins at its top, however far down the one before was read.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the screen is what it follows
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [screen]);
  if (screen === "workspace") return <Workspace />;
  return (
    <>
      <Header />
      <main>
        {screen === "loading" &&
          (view.error === undefined ? (
            <Loader className={classes.loading} type="dots" />
          ) : (
            <ServerTrouble error={view.error} />
          ))}
        {screen === "links" && <Links />}
        {screen === "pairing" && view.pairingKey !== undefined && view.instanceId !== undefined && (
          <Pairing pairingKey={view.pairingKey} instanceId={view.instanceId} />
        )}
      </main>
    </>
  );
}
