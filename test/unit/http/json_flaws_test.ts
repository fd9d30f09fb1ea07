import { assert, describe, it } from "../../harness/test.ts";
import { jsonFlaw } from "../../../src/http/json_flaws.ts";
import { Prng } from "../../../src/lib/prng.ts";

function message(text: string): string | undefined {
  return jsonFlaw(text)?.message;
}

describe("a member that stands twice", () => {
  it("is found wherever it is, and told by its place", () => {
    assert.deepEqual(jsonFlaw('{"a":1,"a":2}'), { path: "a", message: "a is given twice" });
    assert.equal(message('{"a":{"b":[1,{"c":1,"d":2,"c":3}]}}'), "a.b[1].c is given twice");
    assert.equal(message('[[],[{"x":0},{"x":0,"x":0}]]'), "[1][1].x is given twice");
    assert.equal(message('{ "a" : 1 , "b" : [ ] , "a" : null }'), "a is given twice");
    assert.equal(jsonFlaw('{"k":1,"k":2}', [3])?.path, "[3].k");
  });

  it("is one in two spellings", () => {
    assert.equal(message('{"a":1,"\\u0061":2}'), "a is given twice");
    assert.equal(message('{"\\"":1,"\\u0022":2}'), '" is given twice');
  });

  it("is none in another object, in a text, or with another letter", () => {
    for (
      const text of [
        '{"a":{"a":{"a":1}}}',
        '[{"a":1},{"a":1}]',
        '{"a":"\\"a\\":1","b":"a\\\\","c":"\\\\\\""}',
        '{"a":"{\\"a\\":1,\\"a\\":2}"}',
        '{"a":1,"A":2,"a ":3,"":4}',
        "[]",
        "1",
        '"a"',
        "",
      ]
    ) {
      assert.equal(message(text), undefined, text);
    }
  });
});

describe("nesting", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

  it("goes 500 deep, and far wider", () => {
    assert.equal(message(nested(500)), undefined);
    assert.equal(message(nested(501)), "The body nests deeper than 500 arrays and objects");
    assert.equal(message('{"a":'.repeat(501)), "The body nests deeper than 500 arrays and objects");
    assert.equal(message(`[${"[],".repeat(1000)}[]]`), undefined);
    assert.equal(
      jsonFlaw(nested(501), [7])?.message,
      "[7] nests deeper than 500 arrays and objects",
    );
    assert.equal(message(`"${"[".repeat(1000)}"`), undefined);
  });
});

describe("parts", () => {
  const tooMany = "The body has more than 20000 members and elements, which is the limit";

  it("are up to 20,000, of one text or of several", () => {
    assert.equal(message(`[${"0,".repeat(19_998)}0]`), undefined);
    assert.equal(message(`[${"0,".repeat(20_000)}0]`), tooMany);
    assert.equal(message(`{"":0,"a":[${"[],{},".repeat(10_000)}0]}`), tooMany);
    assert.equal(message(`["${",".repeat(30_000)}"]`), undefined);
    const left = { count: 5 };
    assert.equal(jsonFlaw("[0,0,0]", [0], left), undefined);
    assert.deepEqual(jsonFlaw("[0,0,0]", [1], left), { path: "", message: tooMany });
  });
});

describe("what is no JSON", () => {
  it("is passed over, for JSON.parse to refuse", () => {
    const random = new Prng(5);
    const pieces = ['"', "\\", "{", "}", "[", "]", ":", ",", "a", "1", " ", '"a"', '{"a":1}'];
    for (let round = 0; round < 5000; round++) {
      let text = "";
      for (let i = random.below(12); i > 0; i--) text += pieces[random.below(pieces.length)]!;
      const flaw = jsonFlaw(text);
      if (flaw === undefined) continue;
      // Whatever it says, it names a member that really stands there.
      assert.match(flaw.message, / is given twice$/, text);
      assert.ok(text.split('"').length > 4, text);
    }
  });
});
