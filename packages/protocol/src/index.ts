/** The only door of the package; everything else is private. */

export * from "./commands/activities.ts";
export * from "./commands/base.ts";
export * from "./commands/describe.ts";
export * from "./commands/image.ts";
export * from "./commands/resources.ts";
export * from "./commands.ts";
export * from "./dialect.ts";
export * from "./dialect-extension.ts";
export * from "./errors.ts";
export * from "./frames.ts";
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./messages.ts";
export * from "./promotion.ts";
export * from "./record.ts";
export * from "./relay-frame.ts";
export * from "./room.ts";
export * from "./session/handshake.ts";
export * from "./session/session.ts";
export * from "./signal.ts";
