/**
 * How Beeline looks: warm greys, one yellow, quiet corners. Colours, sizes and component defaults
 * are set here and nowhere else.
 */

import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Index 6 is the bee's own yellow: Mantine fills buttons and bars with it. */
const bee: MantineColorsTuple = [
  "#fffaeb",
  "#fff1cc",
  "#ffe7a8",
  "#ffdd85",
  "#ffd463",
  "#ffcc47",
  "#ffc42e",
  "#f2b21a",
  "#8f6500",
  "#5f4300",
];

/** Warm, where Mantine's own greys lean towards blue. */
const gray: MantineColorsTuple = [
  "#f8f7f4",
  "#f1efea",
  "#e8e5de",
  "#dcd8cf",
  "#cbc6bb",
  "#aba599",
  "#857f74",
  "#5c574e",
  "#3a3731",
  "#24221e",
];

/** Mantine paints the dark page from index 7, fields and cards from 6, borders from 4. */
const dark: MantineColorsTuple = [
  "#eceae6",
  "#cbc8c2",
  "#a5a19a",
  "#7d7972",
  "#45423d",
  "#36342f",
  "#242220",
  "#191816",
  "#131211",
  "#0d0c0b",
];

export const theme = createTheme({
  colors: { bee, gray, dark },
  primaryColor: "bee",
  primaryShade: { light: 6, dark: 6 },
  // Yellow under white text cannot be read; this puts dark text on it.
  autoContrast: true,
  luminanceThreshold: 0.4,
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  components: {
    Paper: { defaultProps: { bg: "var(--surface)" } },
    Modal: {
      defaultProps: { radius: "lg" },
      styles: {
        content: { background: "var(--surface)" },
        header: { background: "var(--surface)" },
        title: { fontWeight: 650 },
      },
    },
  },
  headings: { fontWeight: "650" },
});
