/**
 * An error as the log may have it: drivers hang whole commands and rows on theirs, and those hold who
 * is in a room and what is sealed for whom.
 */

export interface Fault {
  readonly type: string;
  readonly code?: unknown;
  readonly message: string;
  readonly stack?: string | undefined;
}

export function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: "not an error" };
  const { name: type, message, stack } = thrown;
  return { type, ...("code" in thrown ? { code: thrown.code } : {}), message, stack };
}
