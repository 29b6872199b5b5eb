/** A process with a lab, to be killed by a test: it says what it made, and waits. */
import { Lab } from "../lab.ts";

const lab = await Lab.open();
const { host } = await lab.site("home", "cone", { delayMs: 10 });
const { pid, stdout } = host.spawn("sh", ["-c", "echo up; exec sleep 1000"]);
await new Promise((resolve) => stdout?.once("data", resolve));
process.stdout.write(JSON.stringify({ prefix: lab.prefix, folder: lab.folder, pid }));
setInterval(() => {}, 1_000);
