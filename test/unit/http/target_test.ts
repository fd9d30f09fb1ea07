import { assert, describe, it } from "../../harness/test.ts";
import { base64url, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { keyOfPath, percentDecode, queryPairs, rawTarget } from "../../../src/http/target.ts";
import { ServiceError } from "../../../src/service/errors.ts";

function code(run: () => unknown): string {
  try {
    run();
    return "no error";
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    return error.code;
  }
}

describe("rawTarget", () => {
  it("splits a URL and decodes nothing", () => {
    assert.deepEqual(rawTarget("http://h:1/v1/kv/a%2Fb?x=%41&y"), {
      path: "/v1/kv/a%2Fb",
      query: "x=%41&y",
    });
    assert.deepEqual(rawTarget("http://h"), { path: "/", query: "" });
    assert.deepEqual(rawTarget("http://h/a#b?c"), { path: "/a", query: "" });
    assert.deepEqual(rawTarget("http://h/a?b#c"), { path: "/a", query: "b" });
  });
});

describe("percentDecode", () => {
  it("decodes to bytes, once, and leaves a plus a plus", () => {
    assert.deepEqual(
      percentDecode("a%2Fb%FF+%252F"),
      Uint8Array.of(
        ...utf8("a/b"),
        0xff,
        ...utf8("+%2F"),
      ),
    );
  });

  it("refuses a percent sign without two hexadecimal digits", () => {
    for (const bad of ["%", "a%", "%4", "%4g", "%g4", "%%41", "a%2"]) {
      assert.equal(percentDecode(bad), undefined, bad);
    }
  });
});

describe("queryPairs", () => {
  it("keeps order and repetition, skips empty pairs, decodes names", () => {
    assert.deepEqual(queryPairs("a=1&&b&a=2=3&%63=x"), [
      { name: "a", value: "1" },
      { name: "b", value: "" },
      { name: "a", value: "2=3" },
      { name: "c", value: "x" },
    ]);
  });

  it("refuses a name that is not UTF-8", () => {
    assert.equal(code(() => queryPairs("%FF=1")), "bad_request");
    assert.equal(code(() => queryPairs("%F=1")), "bad_request");
  });
});

describe("keyOfPath", () => {
  it("takes everything behind the prefix, slashes included", () => {
    assert.deepEqual(keyOfPath("/v1/kv/a//b/"), utf8("a//b/"));
    assert.deepEqual(keyOfPath("/v1/kv/%2Fa"), utf8("/a"));
    assert.deepEqual(keyOfPath("/v1/kv64/YS8uLi9i"), utf8("a/../b"));
    assert.deepEqual(keyOfPath("/v1/kv64/YQ%3D%3D"), utf8("a"));
  });

  it("round-trips every byte, encoded and in base64url", () => {
    const random = new Prng(7);
    for (let round = 0; round < 300; round++) {
      const key = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
      const encoded = [...key].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      assert.deepEqual(keyOfPath(`/v1/kv/${encoded}`), key);
      assert.deepEqual(keyOfPath(`/v1/kv64/${base64url(key)}`), key);
    }
  });

  it("refuses what URL parsing would fold into another key, and only that", () => {
    const folded = ["a/../b", "..", "./a", "a/.", "a/%2e%2E/b", "a/.%2e", "a\\b"];
    for (const key of folded) assert.equal(code(() => keyOfPath(`/v1/kv/${key}`)), "bad_request");
    for (const key of ["...", "a..b/.c/d.", "a.", ".a", "%2e%2e%2e", "..%2fa"]) {
      assert.equal(code(() => keyOfPath(`/v1/kv/${key}`)), "no error", key);
    }
  });

  it("refuses U+FFFD where bytes may have been lost, and takes it where it is meant", () => {
    for (const key of ["a%EF%BF%BD", "\uFFFD", "a\uFFFDb"]) {
      assert.equal(code(() => keyOfPath(`/v1/kv/${key}`)), "bad_request", key);
    }
    assert.deepEqual(keyOfPath("/v1/kv/a%ef%bf%bd"), utf8("a\uFFFD"));
    assert.deepEqual(keyOfPath(`/v1/kv64/${base64url(utf8("\uFFFD"))}`), utf8("\uFFFD"));
  });

  it("refuses empty, malformed and overlong keys", () => {
    assert.equal(code(() => keyOfPath("/v1/kv/")), "bad_request");
    assert.equal(code(() => keyOfPath("/v1/kv/%zz")), "bad_request");
    assert.equal(code(() => keyOfPath("/v1/kv64/")), "bad_request");
    assert.equal(code(() => keyOfPath("/v1/kv64/a/b")), "bad_request");
    assert.equal(code(() => keyOfPath("/v1/kv64/YR")), "bad_request");
    assert.equal(keyOfPath(`/v1/kv/${"a".repeat(8192)}`).length, 8192);
    assert.equal(code(() => keyOfPath(`/v1/kv/${"a".repeat(8193)}`)), "key_too_long");
  });
});
