import { keyPath, queryString } from "../../../src/client/paths.ts";
import { fromBase64url, utf8 } from "../../../src/lib/bytes.ts";
import { keyOfPath, rawTarget } from "../../../src/http/target.ts";
import { assert, describe, it } from "../../harness/test.ts";

const keys: readonly (readonly [string | Uint8Array, string])[] = [
  ["a", "/v1/kv/a"],
  ["cfg/a b", "/v1/kv/cfg/a%20b"],
  ["//x/", "/v1/kv///x/"],
  ["100%?#+&", "/v1/kv/100%25%3F%23%2B%26"],
  ["ü", "/v1/kv/%C3%BC"],
  ["a\\b", "/v1/kv/a%5Cb"],
  ["\uFFFD/a", "/v1/kv/%ef%bf%bd/a"],
  ["...", "/v1/kv/..."],
  [Uint8Array.of(0xff, 0x2f, 0x61, 0x00), "/v1/kv/%FF/a%00"],
  [".", "/v1/kv64/Lg"],
  ["a/../b", "/v1/kv64/YS8uLi9i"],
  ["a/.", "/v1/kv64/YS8u"],
];

describe("the path of a key", () => {
  for (const [key, path] of keys) {
    it(`of ${JSON.stringify(key)} is ${path}`, () => assert.equal(keyPath(key), path));
    it(`of ${JSON.stringify(key)} survives a URL and means the same key to the server`, () => {
      const url = new URL(keyPath(key), "http://127.0.0.1:1");
      const read = keyOfPath(rawTarget(url.href).path);
      assert.deepEqual([...read], [...(typeof key === "string" ? utf8(key) : key)]);
    });
  }

  it("is what base64url says in the twin", () => {
    assert.deepEqual(fromBase64url("YS8uLi9i"), utf8("a/../b"));
  });
});

describe("a query", () => {
  it("leaves out what is not set or false", () => {
    assert.equal(queryString({ a: undefined, b: false }), "");
    assert.equal(queryString({ a: 1, b: true, c: "x y&", d: undefined }), "?a=1&b=true&c=x%20y%26");
    assert.equal(queryString({ prefix: "\uFFFD/" }), "?prefix=%ef%bf%bd/");
    assert.equal(queryString({ prefix: Uint8Array.of(0xff, 0x26, 0x2b) }), "?prefix=%FF%26%2B");
  });
});
