/** A machine on which the lab cannot run is told why, before anything is started. */
import { expect, test } from "vitest";
import { run } from "../system.ts";
import { mayMakeNamespaces } from "../why-not.ts";

test("a root's rights are read from what the kernel says of them", () => {
  const status = (rights: string): string => `Name:\tnode\nCapPrm:\t0\nCapEff:\t${rights}\n`;
  expect(mayMakeNamespaces(status("000001ffffffffff"))).toBe(true);
  expect(mayMakeNamespaces(status("0000000000200000"))).toBe(true);
  // What docker gives a container.
  expect(mayMakeNamespaces(status("00000000a80425fb"))).toBe(false);
  expect(mayMakeNamespaces("")).toBe(false);
});

test("a root who may make no namespaces is told so", () => {
  const module = new URL("../why-not.ts", import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ whyNot }) => console.log(whyNot()))`;
  const said = run("setpriv", [
    ...["--bounding-set", "-sys_admin", process.execPath, "--import", "tsx"],
    ...["--conditions=@beeline/source", "-e", script],
  ]);
  expect(said).toContain("no CAP_SYS_ADMIN");
});
