/** Where the built page lies, for a server that serves it. Run `npm run build` here first. */
import { fileURLToPath } from "node:url";

export const pageDir = fileURLToPath(new URL("./dist", import.meta.url));
