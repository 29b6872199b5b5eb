/** Always in sight: how the page reaches the computer, and on a click everything known about it. */

import { Popover, UnstyledButton } from "@mantine/core";
import { IconBolt, IconCloud, IconPlugConnectedX } from "@tabler/icons-react";
import { useLinkView } from "../link/link-context.tsx";
import classes from "./path.module.css";
import { PathPanel } from "./path-panel.tsx";
import { badgeText, reasonSentence } from "./path-wording.ts";

export function PathBadge() {
  const { link, state, path } = useLinkView();
  const isLinked = state === "linked" && path !== undefined;
  const Icon = !isLinked ? IconPlugConnectedX : path.kind === "direct" ? IconBolt : IconCloud;
  const text = badgeText(state, path);
  return (
    <Popover position="bottom-end" width={340} shadow="lg" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton
          className={classes.badge}
          data-testid="path-badge"
          data-kind={isLinked ? path.kind : "none"}
          data-reason={path?.reason ?? "not-tried"}
          data-state={state}
          aria-label={`${text}. ${path === undefined ? "" : reasonSentence(path)}`}
        >
          <Icon size={16} aria-hidden />
          <span className={classes.badgeText}>{text}</span>
          {isLinked && path.kind === "relay" && (
            <span className={classes.badgeReason}>{reasonSentence(path)}</span>
          )}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={classes.dropdown} aria-label="Path">
        {link !== undefined && path !== undefined ? (
          <PathPanel link={link} path={path} />
        ) : (
          "There is no path before the link is open."
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
