import { assert, describe, it } from "../../harness/test.ts";
import { parseTags } from "../../../src/http/etag.ts";

describe("parseTags", () => {
  it("takes every form of a record's tag", () => {
    for (
      const form of ['"42"', "42", 'W/"42"', '"42.r"', '"42-gzip"', 'W/"42.r"', ' "42" ', "42.r"]
    ) {
      assert.deepEqual(parseTags(form, ""), [42], form);
    }
    assert.deepEqual(parseTags('"0"', ""), [0]);
    assert.deepEqual(parseTags('"1", W/"2" ,3', ""), [1, 2, 3]);
    assert.equal(parseTags("*", ""), "any");
    assert.equal(parseTags(" * ", ""), "any");
  });

  it("takes the tags of lists and of configurations where they belong", () => {
    assert.deepEqual(parseTags('"r1842"', "r"), [1842]);
    assert.deepEqual(parseTags("r1842", "r"), [1842]);
    assert.deepEqual(parseTags('W/"c17"', "c"), [17]);
    assert.equal(parseTags('"r1842"', ""), undefined);
    assert.equal(parseTags('"42"', "r"), undefined);
    assert.equal(parseTags('"c17"', "r"), undefined);
  });

  it("refuses everything else", () => {
    for (
      const form of [
        "",
        '""',
        "abc",
        '"abc"',
        "-1",
        "1.5.",
        '"042"',
        "4 2",
        '"42',
        '42"',
        "W/42",
        'w/"42"',
        '"1",',
        ",",
        '"1",*',
        "*,*",
        '"9007199254740992"',
        '"99999999999999999999"',
        '"42"x',
        "'42'",
        '"42" "43"',
        "0x2a",
        "4e1",
      ]
    ) {
      assert.equal(parseTags(form, ""), undefined, form);
    }
  });
});
