/** The bar at the top: who we are, what the screen puts beside it, and light or dark. */

import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./app.module.css";
import { Logo } from "./logo.tsx";

export function Header({ children }: { readonly children?: ReactNode }) {
  return (
    <header className={classes.header}>
      <span className={classes.brand}>
        <Logo />
        <span className={classes.brandName}>Beeline</span>
      </span>
      {children}
      <ColorScheme />
    </header>
  );
}

function ColorScheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const label = scheme === "dark" ? "Light colours" : "Dark colours";
  return (
    <Tooltip label={label}>
      <ActionIcon
        className={classes.scheme}
        variant="subtle"
        color="gray"
        size={32}
        aria-label={label}
        onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}
        data-testid="color-scheme"
      >
        {scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
