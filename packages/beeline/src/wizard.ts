/**
 * The questions of the first run, in the terminal: server, key, backend, folders, rights.
 *
 * Asks only for what no flag has answered, and only where a person can answer.
 */

import { RIGHTS, type Right } from "@beeline/extension";
import { BeelineError, parseLinkKey } from "@beeline/protocol";
import { isCancel, multiselect, password, select, text } from "@clack/prompts";
import { BACKENDS, type BackendName } from "./backend.ts";

const HINTS: Readonly<Record<BackendName, string>> = {
  auto: "find the one that runs on this machine",
  a1111: "AUTOMATIC1111, Forge or SD.Next, started with --api",
  comfyui: "ComfyUI",
  "sd-server": "stable-diffusion.cpp",
  demo: "the built-in renderer, not Stable Diffusion",
};

const RIGHT_LABELS: Readonly<Record<Right, string>> = {
  generate: "draw pictures",
  list: "see which models there are",
  add: "download models",
  remove: "delete models",
};

/** Without a person to ask: what can do no harm to what is on the disk. */
export const UNASKED_RIGHTS: readonly Right[] = ["generate", "list"];

export interface FirstAnswers {
  readonly server: string;
  readonly key: string;
  readonly backend: BackendName;
  readonly modelsDir: string | undefined;
}

/** @throws {BeelineError} `CANCELED` when the person leaves. */
export async function askFirstRun(server: string): Promise<FirstAnswers> {
  const chosenServer = await answered(
    text({
      message: "Address of the page that you use",
      initialValue: server,
      validate: (value) =>
        URL.canParse(value ?? "") ? undefined : "An address begins with http://",
    }),
  );
  const key = await answered(
    password({ message: "Link key from that page", validate: (value) => keyProblem(value ?? "") }),
  );
  const backend = await answered(
    select({
      message: "What draws the pictures?",
      options: BACKENDS.map((value) => ({ value, label: value, hint: HINTS[value] })),
    }),
  );
  if (backend === "demo") return { server: chosenServer, key, backend, modelsDir: undefined };
  const modelsDir = await answered(
    text({
      message: "Folder of its models",
      placeholder: "leave empty to ask the program itself",
      defaultValue: "",
    }),
  );
  return { server: chosenServer, key, backend, modelsDir: modelsDir || undefined };
}

/** @throws {BeelineError} `CANCELED` when the person leaves. */
export async function askRights(): Promise<readonly Right[]> {
  return answered(
    multiselect({
      message: "What may pages of this link do on this machine?",
      options: RIGHTS.map((value) => ({ value, label: RIGHT_LABELS[value] })),
      initialValues: [...UNASKED_RIGHTS],
      required: false,
    }),
  );
}

async function answered<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await question;
  if (isCancel(answer)) throw new BeelineError("CANCELED", "nothing was set up");
  return answer as Exclude<T, symbol>;
}

function keyProblem(value: string): string | undefined {
  try {
    parseLinkKey(value);
    return undefined;
  } catch (error) {
    return BeelineError.from(error).remedy;
  }
}
