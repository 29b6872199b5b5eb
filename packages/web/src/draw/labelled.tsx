/** A control with its name on the left and its present value on the right, above it. */

import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./draw.module.css";

interface LabelledProps {
  readonly label: string;
  readonly value?: ReactNode;
  readonly children: ReactNode;
}

export function Labelled({ label, value, children }: LabelledProps) {
  return (
    <div>
      <div className={classes.labelled}>
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <Text size="sm" c="dimmed" component="div" className={classes.value}>
          {value}
        </Text>
      </div>
      {children}
    </div>
  );
}
