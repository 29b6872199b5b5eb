/** A real coturn with the documented configuration, on loopback, until the test ends. */

import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { COTURN_READY, newFolder, onFreePort, programOf, ServiceProcess } from "./services.ts";

const CONFIG = fileURLToPath(new URL("../../docs/operate/turnserver.conf", import.meta.url));

export interface Coturn {
  readonly port: number;
  readonly process: ServiceProcess;
}

export async function startCoturn(secret: string, ...args: string[]): Promise<Coturn> {
  const folder = await newFolder();
  return onFreePort(async (port) => {
    const process = new ServiceProcess(
      folder,
      programOf("turnserver"),
      [
        ...["-c", CONFIG, "--static-auth-secret", secret, "--listening-port", String(port)],
        ...["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--no-tls", "--no-dtls"],
        ...["--pidfile", `${folder}/pid`, "--userdb", `${folder}/db`, "--log-file", "stdout"],
        ...["--verbose", ...args],
      ],
      COTURN_READY,
    );
    await process.start();
    onTestFinished(() => process.kill());
    return { port, process };
  });
}
