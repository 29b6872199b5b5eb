/**
 * What the lab needs of a machine, and which of it this one lacks: said before anything is started,
 * so that a skipped test names its reason. It changes nothing.
 */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { absentLabPrograms } from "../../scripts/services.mjs";

/** Why the lab cannot run here, or undefined if it can. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "only root makes network namespaces; run it as root";
  const status = readFileSync("/proc/self/status", "utf8");
  if (!mayMakeNamespaces(status)) {
    return "root here may make no namespaces (no CAP_SYS_ADMIN); give the container that right";
  }
  if (!isUsable("/dev/net/tun")) return "there is no /dev/net/tun; load the kernel's tun module";
  if (!existsSync("/proc/self/ns/net")) return "this kernel has no network namespaces";
  const absent = absentLabPrograms();
  if (absent.length > 0) return `this machine lacks ${absent.join(", ")}`;
  return undefined;
}

/** CAP_SYS_ADMIN, by its number. */
const ADMIN_BIT = 1n << 21n;

/** @param status what /proc says of a process: a root in a container lacks most rights. */
export function mayMakeNamespaces(status: string): boolean {
  const [, rights = "0"] = /^CapEff:\t([0-9a-f]+)$/m.exec(status) ?? [];
  return (BigInt(`0x${rights}`) & ADMIN_BIT) !== 0n;
}

function isUsable(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
