/** What a person does with a short key: type a command, or scan one. Pure. */

/** Ends a shell word whatever it holds; an origin is typed as it is where that is safe. */
function shellWord(text: string): string {
  return /^[\w.:/[\]-]+$/.test(text) && !/[[\]]/.test(text)
    ? text
    : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The command that links a computer, ready to paste into a terminal. `--no`: where Beeline is not
 * installed, npx must not fetch whatever bears that name and hand it the key.
 */
export function extensionCommand(origin: string, key: string): string {
  return `npx --no beeline extension --server ${shellWord(origin)} --key ${shellWord(key)}`;
}

/** The name a link goes by when its owner gave it none. */
export function instanceTitle(instance: {
  readonly id: number;
  readonly name: string | null;
}): string {
  const name = instance.name?.trim();
  return name === undefined || name === "" ? `Link ${instance.id}` : name;
}

/** How this browser presents itself to the extension's owner: `Firefox on Android`. */
export function browserName(userAgent: string): string {
  const browser =
    [
      ["Edg/", "Edge"],
      ["OPR/", "Opera"],
      ["Firefox/", "Firefox"],
      ["Chrome/", "Chrome"],
      ["Safari/", "Safari"],
    ].find(([mark]) => userAgent.includes(mark ?? ""))?.[1] ?? "A browser";
  const system = [
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["Linux", "Linux"],
  ].find(([mark]) => userAgent.includes(mark ?? ""))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}
