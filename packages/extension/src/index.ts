/** `@beeline/extension`: the peer beside Stable Diffusion. */

export { ActivityLog } from "./activity-log.ts";
export { A1111Backend, type A1111Options } from "./backends/a1111/a1111-backend.ts";
export { ComfyUiBackend, type ComfyUiOptions } from "./backends/comfyui/comfyui-backend.ts";
export { DemoBackend, type DemoBackendOptions } from "./backends/demo/demo-backend.ts";
export { seedDemoResources } from "./backends/demo/seed-resources.ts";
export {
  type FindBackendOptions,
  type FoundBackend,
  findBackend,
  REAL_BACKENDS,
  type RealBackend,
} from "./backends/find-backend.ts";
export { SdServerBackend, type SdServerOptions } from "./backends/sd-server/sd-server-backend.ts";
export * from "./extension.ts";
export type * from "./image-backend.ts";
export type { LinkStatus } from "./links/extension-link.ts";
export { KeyStore, type StoredLink } from "./links/key-store.ts";
export * from "./log.ts";
export { type CommandEvent, observeCommands } from "./observe-commands.ts";
export { type OpenCommandServiceOptions, openCommandService } from "./open-command-service.ts";
export { RIGHTS, type Right, Rights } from "./rights.ts";
export { createPeerBy, DEFAULT_RTC_ENGINE, RTC_ENGINES, type RtcEngine } from "./rtc-engine.ts";
export type * from "./service.ts";
