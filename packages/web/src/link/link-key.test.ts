import { expect, test } from "vitest";
import { browserName, extensionCommand, instanceTitle } from "./link-key.ts";

test("the command names the server and the key", () => {
  expect(extensionCommand("http://192.168.1.20:3000", "a1b2c3")).toBe(
    "npx --no beeline extension --server http://192.168.1.20:3000 --key a1b2c3",
  );
});

test("what a shell would read as more than a word is quoted", () => {
  expect(extensionCommand("http://[::1]:3000", "a1b2c3")).toContain("--server 'http://[::1]:3000'");
  expect(extensionCommand("http://x", "a'; rm -rf ~ #")).toContain("--key 'a'\\''; rm -rf ~ #'");
});

test("a link without a name is called by its number", () => {
  expect(instanceTitle({ id: 3, name: null })).toBe("Link 3");
  expect(instanceTitle({ id: 3, name: "  " })).toBe("Link 3");
  expect(instanceTitle({ id: 3, name: "Desktop" })).toBe("Desktop");
});

test("a browser is named by its own name, not by those it claims besides", () => {
  expect(
    browserName(
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
    ),
  ).toBe("Edge on Windows");
  expect(browserName("Mozilla/5.0 (Linux; Android 15) Gecko/140.0 Firefox/140.0")).toBe(
    "Firefox on Android",
  );
  expect(browserName("curl")).toBe("A browser");
});
