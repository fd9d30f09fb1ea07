import { assert, describe, it } from "../../harness/test.ts";
import { tokenize } from "../../../scripts/gate/tokens.ts";

/** Kind initial and text of each token: enough to see how a line was cut. */
function cut(source: string): readonly string[] {
  return tokenize(source).tokens.map((token) => `${token.kind[0]}:${token.text}`);
}

describe("tokenize", () => {
  it("keeps names, numbers, strings and punctuation apart", () => {
    assert.deepEqual(cut(`let a1 = 0x1F_F + 1.5e-3 + .5; b?.c ?? "q\\"r" => ...d`), [
      ..."n:let n:a1 p:= n:0x1F_F p:+ n:1.5e-3 p:+ n:.5 p:;".split(" "),
      ..."n:b p:?. n:c p:? p:?".split(" "),
      's:q\\"r',
      ..."p:=> p:... n:d".split(" "),
    ]);
  });

  it("hides what stands in comments and strings", () => {
    const source = `// Date.now()\n/* await\n */ x("Date", 'await') // end`;
    assert.deepEqual(cut(source), ["n:x", "p:(", "s:Date", "p:,", "s:await", "p:)"]);
    const comments = tokenize(source).comments;
    assert.deepEqual(comments.map(({ line, endLine }) => [line, endLine]), [[1, 1], [2, 3], [
      3,
      3,
    ]]);
  });

  it("sees the code inside templates, nested ones and braces included", () => {
    assert.deepEqual(cut("`a ${f({ b: `c ${d}` })} Date` + e"), [
      "t:`a ${",
      ..."n:f p:( p:{ n:b p::".split(" "),
      "t:`c ${",
      "n:d",
      "t:}`",
      ..."p:} p:)".split(" "),
      "t:} Date`",
      ..."p:+ n:e".split(" "),
    ]);
  });

  it("tells regular expressions from divisions", () => {
    assert.deepEqual(cut(`a / b / c; x = /[/"]'/g; (y) / 2; return /"/.test(z)`), [
      ..."n:a p:/ n:b p:/ n:c p:; n:x p:=".split(" "),
      `r:/[/"]'/g`,
      ..."p:; p:( n:y p:) p:/ n:2 p:; n:return".split(" "),
      'r:/"/',
      ..."p:. n:test p:( n:z p:)".split(" "),
    ]);
  });

  it("counts lines through strings, templates and comments", () => {
    const { tokens } = tokenize("#!/bin/x\na\n/*\n*/ b `\n\n` c\n");
    assert.deepEqual(tokens.map(({ line }) => line), [2, 4, 4, 6]);
  });

  it("ends on input that is cut off anywhere", () => {
    const source = "x('a', `b ${c(`d`)} e`, /f[/]/g) /* g */ // h";
    for (let end = 0; end <= source.length; end++) tokenize(source.slice(0, end));
    assert.equal(tokenize(source).tokens.length, 13);
  });
});
