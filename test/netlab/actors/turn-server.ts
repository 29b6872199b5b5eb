/**
 * A real coturn on a host of the lab. Its configuration is not the documented one, which rightly
 * refuses the addresses set aside for documentation: all that the lab's internet has.
 */

import { findService } from "../../../scripts/services.mjs";
import type { Host } from "../host.ts";
import { Program } from "./program.ts";

const PORT = 3478;

export interface TurnServerActor {
  readonly program: Program;
  readonly secret: string;
  /** Over UDP, and over TCP for whoever has no UDP. */
  readonly urls: readonly string[];
}

export async function startTurnServer(host: Host): Promise<TurnServerActor> {
  const path = findService("turnserver");
  if (path === undefined) throw new Error("type: apt-get install coturn");
  const address = host.urlHost("ipv4");
  const secret = "the secret that coturn and the link server share";
  const program = new Program(host, path, [
    ...["-n", "--use-auth-secret", "--static-auth-secret", secret, "--realm", "lab"],
    ...["--listening-ip", address, "--relay-ip", address, "--listening-port", String(PORT)],
    ...["--no-tls", "--no-dtls", "--no-cli", "--fingerprint", "--log-file", "stdout"],
    ...["--pidfile", `${host.folder}/pid`, "--userdb", `${host.folder}/db`],
  ]);
  await program.says(/Total General servers/);
  const at = `turn:${address}:${PORT}`;
  return { program, secret, urls: [`${at}?transport=udp`, `${at}?transport=tcp`] };
}
