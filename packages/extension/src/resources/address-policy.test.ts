/** Which addresses a page can make the extension fetch. */

import { describe, expect, test } from "vitest";
import { type AddressPolicy, checkResolved, checkUrl, isPublic } from "./address-policy.ts";

const strict: AddressPolicy = { allowHosts: [], allowInsecure: false };
const owners: AddressPolicy = { allowHosts: ["nas.home", "10.0.0.5"], allowInsecure: true };
const refused = expect.objectContaining({ code: "URL_REFUSED" });

describe("by default", () => {
  test.each([
    "https://civitai.com/api/download/models/1",
    "https://image.civitai.com/x.png",
    "https://civitai.red/x",
    "https://huggingface.co/a/b/resolve/main/c.safetensors",
    "https://cdn-lfs.huggingface.co/x",
    "https://CIVITAI.com./x",
  ])("%s is fetched", (url) => {
    expect(checkUrl(url, strict)).toBeInstanceOf(URL);
  });

  test.each([
    "http://civitai.com/x",
    "ftp://civitai.com/x",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://example.org/x",
    "https://notcivitai.com/x",
    "https://civitai.com.evil.org/x",
    "https://civitai.com:8443/x",
    "https://user:secret@civitai.com/x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://8.8.8.8/x",
    "https://stranger.r2.cloudflarestorage.com/x",
    "nonsense",
  ])("%s is refused", (url) => {
    expect(() => checkUrl(url, strict)).toThrow(refused);
  });
});

describe("the owner's hosts", () => {
  test.each(["http://nas.home:8080/x", "https://sub.nas.home/x", "http://10.0.0.5/x"])(
    "%s is fetched",
    (url) => {
      expect(checkUrl(url, owners)).toBeInstanceOf(URL);
    },
  );

  test("may lie in a private network", () => {
    expect(() => checkResolved("nas.home", "192.168.1.2", owners)).not.toThrow();
  });

  test("do not open http for the hosts of the default list", () => {
    expect(() => checkUrl("http://civitai.com/x", owners)).toThrow(refused);
  });

  test("that are addresses do not allow names that end like them", () => {
    expect(() => checkUrl("https://x.10.0.0.5.nip.io/x", owners)).toThrow(refused);
  });
});

describe("a resolved address", () => {
  test.each([
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "not an address",
  ])("%s is not public", (address) => {
    expect(isPublic(address)).toBe(false);
    expect(() => checkResolved("civitai.com", address, strict)).toThrow(refused);
  });

  test.each(["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])("%s is public", (address) => {
    expect(isPublic(address)).toBe(true);
  });
});
