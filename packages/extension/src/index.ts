/** `@beeline/extension`: the peer beside Stable Diffusion. */

export { DemoBackend, type DemoBackendOptions } from "./backends/demo/demo-backend.ts";
export { seedDemoResources } from "./backends/demo/seed-resources.ts";
export * from "./extension.ts";
export type * from "./image-backend.ts";
export type { LinkStatus } from "./links/extension-link.ts";
export * from "./log.ts";
export { type OpenCommandServiceOptions, openCommandService } from "./open-command-service.ts";
export type * from "./service.ts";
