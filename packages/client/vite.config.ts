/**
 * Bundles the client for sites that use no bundler: one ES module with everything inside it.
 *
 * Beside it, `tsc -b` writes the unbundled client that Node and bundlers use, so this build must
 * not empty dist. Vite prints the module's size, plain and compressed.
 */
import { defineConfig } from "vite";

export default defineConfig({
  // Ours from source, so that the bundle never holds an old build; others as for a browser.
  resolve: { conditions: ["@beeline/source", "browser", "module", "import", "default"] },
  // A module that a page imports as it is has no `process`.
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    target: "es2022",
    emptyOutDir: false,
    sourcemap: true,
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "beeline-client.js" },
    // Vite leaves an ES library's white space for the next bundler; here there is none.
    rolldownOptions: { output: { minify: true } },
  },
});
