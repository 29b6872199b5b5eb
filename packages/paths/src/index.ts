/**
 * The door for both peers. What only one side or only tests need has its own, so that a browser does
 * not load it: `@beeline/paths/data-peer`, `@beeline/paths/werift`, `@beeline/paths/memory`.
 */

export * from "./clock.ts";
export * from "./exchange.ts";
export * from "./path.ts";
export * from "./relay-path.ts";
export * from "./room-connection.ts";
export * from "./rtc/direct-path.ts";
export * from "./rtc/rtc-peer.ts";
export * from "./rtc/simple-peer.ts";
export * from "./session-driver.ts";
