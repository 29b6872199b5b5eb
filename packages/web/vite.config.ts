/**
 * Builds the page from the sources of the workspace into `dist/`.
 *
 * No script or style is written into the HTML, so that the server can forbid inline scripts. The
 * libraries are a chunk of their own: they change rarely, and a browser keeps them across releases.
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["@beeline/source", "browser", "module", "import", "default"] },
  build: {
    outDir: "dist",
    target: "es2022",
    // A preload polyfill and data: URLs would be inline content.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // A page of React, Mantine and WebRTC with the message schemas is about 700 kB before gzip.
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: "interface",
              test: /node_modules[\\/](react|react-dom|scheduler|@mantine|@floating-ui|@tabler)[\\/]/,
            },
          ],
        },
      },
    },
  },
});
