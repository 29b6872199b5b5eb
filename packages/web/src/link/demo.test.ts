import { expect, test } from "vitest";
import { isLoopback } from "./demo.ts";

test.each(["localhost", "beeline.localhost", "127.0.0.1", "127.1.2.3", "[::1]"])(
  "%s is this machine",
  (hostname) => expect(isLoopback(hostname)).toBe(true),
);

test.each(["192.168.1.2", "localhost.example.org", "127.0.0.1.example.org", "[::2]", ""])(
  "%j is not",
  (hostname) => expect(isLoopback(hostname)).toBe(false),
);
