/**
 * Our sources as one script for a page, bundled anew for each run, so that it is never an old build.
 */
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** @returns a script that sets `name` on the page to what `entry` exports. */
export async function bundleForPage(entry: URL, name: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["@beeline/source", "browser", "module", "import", "default"] },
    define: { "process.env.NODE_ENV": '"production"' },
    build: { write: false, lib: { entry: fileURLToPath(entry), formats: ["iife"], name } },
  });
  const [output] = [built].flat();
  const chunk = output !== undefined && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("vite bundled nothing");
  return chunk.code;
}
