import { assert, describe, it } from "../../harness/test.ts";
import { checkRatchet, findBreaches, shrinkExceptions } from "../../../scripts/tidy.ts";

/** `line rule` of every breach in one file. */
function breaches(path: string, text: string): readonly string[] {
  return findBreaches([{ path, text }]).map(({ line, rule }) => `${line} ${rule}`);
}

const inSource = (text: string): readonly string[] => breaches("src/raft/planted.ts", text);
const inTest = (text: string): readonly string[] => breaches("test/unit/planted_test.ts", text);
/** Put together, because the rule reads this file too. */
const [todo, fixme] = ["TO" + "DO", "FIX" + "ME"];
const lines = (count: number): string => "x;\n".repeat(count);

describe("house rules: size", () => {
  it("files have at most 400 lines", () => {
    assert.deepEqual(inSource(lines(400)), []);
    assert.deepEqual(inSource(lines(401)), ["401 file-length"]);
  });

  it("functions have at most 70 lines, nested and arrow functions included", () => {
    const body = (count: number): string => `function f() {\n${lines(count)}}\n`;
    assert.deepEqual(inSource(body(68)), []);
    assert.deepEqual(inSource(body(69)), ["1 function-length"]);
    assert.deepEqual(inSource(`\nconst f = () => {\n${lines(69)}};`), ["2 function-length"]);
    assert.deepEqual(inTest(`describe("x", () => {\n${lines(100)}});`), []);
    assert.deepEqual(inTest(`it("x", () => {\n${lines(100)}});`), ["1 function-length"]);
  });

  it("lines have at most 100 columns, counted in characters", () => {
    assert.deepEqual(inSource(`\n// ${"→".repeat(97)}`), []);
    assert.deepEqual(inSource(`\n// ${"a".repeat(98)}`), ["2 columns"]);
  });
});

describe("house rules: names", () => {
  it("files are snake_case", () => {
    assert.deepEqual(breaches("src/raft/readIndex.ts", ""), ["1 file-name"]);
    assert.deepEqual(breaches("src/raft/read-index.ts", ""), ["1 file-name"]);
    assert.deepEqual(breaches("src/grpc/raft.gen.ts", ""), []);
    assert.deepEqual(breaches("test/unit/read_index_test.ts", ""), []);
  });

  it("names say something", () => {
    assert.deepEqual(breaches("src/raft/utils.ts", ""), ["1 vague-name"]);
    assert.deepEqual(breaches("src/common/x.ts", ""), ["1 vague-name"]);
    assert.deepEqual(inSource("class LockManager {}"), ["1 vague-name"]);
    assert.deepEqual(inSource("\nconst encodeHelper = 1;"), ["2 vague-name"]);
    assert.deepEqual(inSource("function f() { const common = 1; }"), []);
    assert.deepEqual(inSource('import { inspect } from "node:util";'), []);
  });
});

describe("house rules: language", () => {
  it("there are no default exports", () => {
    assert.deepEqual(inSource("\nexport default 1;"), ["2 default-export"]);
    assert.deepEqual(inSource("switch (x) { default: }"), []);
  });

  it("there is no any", () => {
    assert.deepEqual(inSource("let x: any;"), ["1 any"]);
    assert.deepEqual(inSource("let x: readonly any[];"), ["1 any"]);
    assert.deepEqual(inSource("let x: Map<string, any>;"), ["1 any"]);
    assert.deepEqual(inSource('let x: "any"; y.any(z); // any'), []);
  });

  it("there are no enums", () => {
    assert.deepEqual(inSource("export const enum Role { a }"), ["1 enum"]);
    assert.deepEqual(inSource("\nenum Role { a }"), ["2 enum"]);
  });

  it("there are no casts outside the conversion of foreign values", () => {
    assert.deepEqual(inSource("const x = y as Entry;"), ["1 cast"]);
    assert.deepEqual(inSource("const x = f() as unknown as Entry;"), ["1 cast", "1 cast"]);
    assert.deepEqual(inSource("const x = {} as { y: 1 };"), ["1 cast"]);
    assert.deepEqual(inSource("const x = [1] as const; const y = {} satisfies Z;"), []);
    assert.deepEqual(inSource('import { a as b } from "./x.ts"; import * as c from "d";'), []);
    assert.deepEqual(inSource('export { a as b }; export * as c from "./x.ts";'), []);
    assert.deepEqual(breaches("src/grpc/convert.ts", "const x = y as Entry;"), []);
    assert.deepEqual(inTest("const x = y as Entry;"), []);
  });
});

describe("house rules: documents and tests", () => {
  it("what src exports is documented", () => {
    for (
      const code of ["function f() {}", "async function f() {}", "class F {}", "interface F {}"]
    ) {
      assert.deepEqual(inSource(`\nexport ${code}`), ["2 docstring"], code);
      assert.deepEqual(inSource(`// Not a docstring.\nexport ${code}`), ["2 docstring"], code);
      assert.deepEqual(inSource(`/** Far. */\n\nexport ${code}`), ["3 docstring"], code);
      assert.deepEqual(inSource(`/** Near. */\nexport ${code}`), [], code);
      assert.deepEqual(inTest(`export ${code}`), [], code);
    }
    const overloads = "/** One. */\nexport function f(a: 1): void;\nexport function f(a: 2): void;";
    assert.deepEqual(inSource(overloads), []);
  });

  it("nothing is left unfinished", () => {
    for (const word of [todo, fixme, "XX" + "X", "HA" + "CK"]) {
      const text = `\n// ${word}: later`;
      assert.deepEqual(inSource(text), ["2 unfinished"], word);
      assert.deepEqual(breaches("docs/STYLE.md", text), ["2 unfinished"], word);
    }
    assert.deepEqual(inSource("// mastodon XXXL hackney"), []);
  });

  it("a test that does not run says why, and none keeps the others from running", () => {
    assert.deepEqual(inTest('it.only("x", f);'), ["1 skipped-test"]);
    assert.deepEqual(inTest('describe.skip("x", f);'), ["1 skipped-test"]);
    assert.deepEqual(inTest('it("x", { skip: true }, f);'), ["1 skipped-test"]);
    assert.deepEqual(inTest('it("x", { only: true }, f);'), ["1 skipped-test"]);
    assert.deepEqual(inTest('it("x", { todo: "later" }, f);'), ["1 skipped-test"]);
    assert.deepEqual(inTest("t.skip();"), ["1 skipped-test"]);
    assert.deepEqual(inTest('it("x", { skip: "no strace" }, f); t.skip("why");'), []);
    assert.deepEqual(inTest('it("x", { skip: reason }, f); list.only; a.skip(3);'), []);
  });

  it("no path of somebody's machine stands anywhere", () => {
    const home = "/ho" + "me/somebody/skein";
    assert.deepEqual(inSource(`\nconst x = "${home}";`), ["2 machine-path"]);
    assert.deepEqual(breaches("docs/TESTING.md", `run ${home}/x`), ["1 machine-path"]);
    assert.deepEqual(breaches("docs/TESTING.md", "see https://example.org/home/page"), []);
    assert.deepEqual(inSource('fetch("/v1/kv/work/x"); // /users'), []);
  });

  it("generated code is excused, but not from paths and unfinished work", () => {
    assert.deepEqual(breaches("src/grpc/raft.gen.ts", `export default 1 as any;`), []);
    assert.deepEqual(breaches("src/grpc/raft.gen.ts", `// ${fixme}`), ["1 unfinished"]);
  });
});

describe("ratchet", () => {
  const path = "src/raft/planted.ts";
  const two = findBreaches([{ path, text: "let x: any;\nlet y: any;" }]);

  it("excuses exactly what the list says", () => {
    assert.deepEqual(checkRatchet(two, { [path]: { any: 2 } }), []);
  });

  it("shows all breaches of a rule when there are more than excused", () => {
    assert.deepEqual(checkRatchet(two, { [path]: { any: 1 } }), two);
    assert.deepEqual(checkRatchet(two, {}), two);
    assert.deepEqual(checkRatchet(two, { "src/raft/other.ts": {} }), two);
  });

  it("fails when an exception is larger than needed, or its file is gone", () => {
    const stale = checkRatchet(two, { [path]: { any: 3 } });
    assert.deepEqual(stale.map(({ rule }) => rule), ["ratchet"]);
    assert.match(stale[0]!.message, /excused 3 times from any and needs 2/);
    assert.equal(checkRatchet([], { "src/gone.ts": { columns: 1 } }).length, 1);
  });

  it("shrinks and never grows", () => {
    const exceptions = { [path]: { any: 3, columns: 1 }, "src/gone.ts": { any: 1 } };
    assert.deepEqual(shrinkExceptions(two, exceptions), { [path]: { any: 2 } });
    assert.deepEqual(shrinkExceptions(two, { [path]: { any: 1 } }), { [path]: { any: 1 } });
    assert.deepEqual(shrinkExceptions(two, {}), {});
  });
});
