import { assert, describe, it } from "../../harness/test.ts";
import { functionSpans } from "../../../scripts/gate/functions.ts";
import { tokenize } from "../../../scripts/gate/tokens.ts";

/** `name line+lines` of every function of the source. */
function spans(source: string): readonly string[] {
  return functionSpans(tokenize(source).tokens).map(({ name, line, lines }) =>
    `${name} ${line}+${lines}`
  );
}

describe("functionSpans", () => {
  it("finds functions, methods, accessors and constructors", () => {
    const source = [
      "export async function a(b: number): Promise<{ c: string }> {",
      "  return x;",
      "}",
      "class D {",
      "  constructor(readonly e = f()) {",
      "  }",
      "  get #g(): ReadonlyMap<string, (h: number) => void> {",
      "  }",
      "  async *i<T>(j: T): asserts j is K {",
      "  }",
      "  l(): (m: number) => void {",
      "  }",
      "}",
    ].join("\n");
    assert.deepEqual(spans(source), [
      "a 1+3",
      "constructor 5+2",
      "#g 7+2",
      "function 9+2",
      "l 11+2",
    ]);
  });

  it("finds arrows with a body, also behind a return type, and not those without", () => {
    const source = [
      "const a = (b: number) => {",
      "};",
      "const c = (d: number): Promise<void> => {",
      "",
      "};",
      "const e = (f: number) => f;",
      "g((h) => {",
      "}, i => {",
      "});",
    ].join("\n");
    assert.deepEqual(spans(source), [
      "function 1+2",
      "function 3+3",
      "function 7+2",
      "function 8+2",
    ]);
  });

  it("takes no statement, call or object for a function", () => {
    const source = [
      "if (a) {}",
      "for (const b of c()) {}",
      "while (d) {}",
      "switch (e(f)) { case g(1): { h(); } }",
      "try {} catch (i) {}",
      "const j = k(l) ? (m) : { n: 1 };",
      "o(p, { q: r(1) });",
      "interface S { t(u: number): { v: string }; w: (x: number) => void }",
    ].join("\n");
    assert.deepEqual(spans(source), []);
  });

  it("leaves the callbacks of describe out, and keeps those of it", () => {
    const source = 'describe("a", () => {\n  it("b", async () => {\n  });\n});';
    assert.deepEqual(spans(source), ["function 2+2"]);
  });
});
