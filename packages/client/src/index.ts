/** `@beeline/client`: the site's side of a link. The same in a browser and in Node. */

import "./without-eval.ts";

export type {
  DirectReason,
  ErrorCode,
  ExtensionInfo,
  LinkInstance,
  LinkPeer,
  LinkPeers,
} from "@beeline/protocol";
export { BeelineError, DIRECT_REASONS, REMEDIES } from "@beeline/protocol";
export type * from "./api.ts";
export { createInstances, type Instances } from "./instances.ts";
export { connect, type LinkParts } from "./link.ts";
export { randomHex, randomUuid } from "./random.ts";
export { sha256Hex } from "./sha256.ts";
