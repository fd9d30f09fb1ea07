import { assert, describe, it } from "../../harness/test.ts";
import { base64url, fromBase64url, utf8 } from "../../../src/lib/bytes.ts";
import { decodeCursor, encodeCursor, type ListedRange } from "../../../src/http/cursor.ts";
import { ServiceError } from "../../../src/service/errors.ts";

const range: ListedRange = {
  start: utf8("a"),
  end: utf8("b"),
  reverse: false,
  keysOnly: false,
};
const position = { revision: 300, next: utf8("a/5") };

function isRefused(range: ListedRange, text: string): void {
  assert.throws(() => decodeCursor(range, text), (error) => {
    return error instanceof ServiceError && error.code === "invalid_cursor";
  }, text);
}

describe("cursor", () => {
  it("comes back as it went", () => {
    const text = encodeCursor(range, position);
    assert.match(text, /^[A-Za-z0-9_-]+$/);
    assert.deepEqual(decodeCursor(range, text), position);
  });

  it("belongs to its query alone", () => {
    const text = encodeCursor(range, position);
    const delimiter = { bytes: utf8("/"), prefixLength: 1 };
    isRefused({ ...range, start: utf8("") }, text);
    isRefused({ ...range, end: utf8("c") }, text);
    isRefused({ start: range.start, reverse: false, keysOnly: false }, text);
    isRefused({ ...range, reverse: true }, text);
    isRefused({ ...range, keysOnly: true }, text);
    isRefused({ ...range, delimiter }, text);
    const folded = encodeCursor({ ...range, delimiter }, position);
    isRefused({ ...range, delimiter: { ...delimiter, prefixLength: 0 } }, folded);
    isRefused({ ...range, delimiter: { ...delimiter, bytes: utf8(".") } }, folded);
  });

  it("is refused when any bit of it is turned, when it is cut, and when it is no cursor", () => {
    const text = encodeCursor(range, position);
    const bytes = fromBase64url(text)!;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = bytes.slice();
      turned[bit >> 3]! ^= 1 << (bit & 7);
      isRefused(range, base64url(turned));
    }
    for (let length = 0; length < bytes.length; length++) {
      isRefused(range, base64url(bytes.subarray(0, length)));
    }
    for (const bad of ["", "!", "a", text + "=", text + "AAAA", " " + text]) isRefused(range, bad);
  });

  it("does not lead out of its range, even when it is made up", () => {
    isRefused(range, encodeCursor(range, { revision: 3, next: utf8("c") }));
    isRefused(range, encodeCursor(range, { revision: 3, next: utf8("Z") }));
  });
});
