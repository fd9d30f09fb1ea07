/** The planted bugs fit the source; that the simulator catches them, scripts/mutants.ts shows. */

import { readFileSync } from "node:fs";
import { assert, describe, it } from "../../harness/test.ts";
import { caughtElsewhere, mutants, numberOf, patched } from "../../simulation/mutants/mod.ts";

const root = new URL("../../../", import.meta.url);
/** 31 of the plan, one that the simulator found (M32), and those of features that came later. */
const lastNumber = 53;

describe("planted bugs", () => {
  for (const { id, what, patches } of mutants) {
    it(`${id} fits: ${what}`, () => {
      assert.notEqual(patches.length, 0);
      const texts = new Map<string, string>();
      for (const patch of patches) {
        const { file, find, replace } = patch;
        const original = readFileSync(new URL(file, root), "utf8");
        assert.equal(original.split(find).length - 1, 1, `${file} has once: ${find}`);
        assert.notEqual(replace, find);
        texts.set(file, patched(texts.get(file) ?? original, patch));
      }
    });
  }

  it("have ids of their own, and say what should catch them", () => {
    const ids = [...mutants, ...caughtElsewhere].map(({ id }) => id);
    assert.deepEqual(ids.filter((id, at) => ids.indexOf(id) !== at), []);
    for (const { id, what, expected } of mutants) {
      assert.notEqual(expected.length, 0, id);
      assert.match(what, /^[A-Z][^.\n]*$/);
      for (const each of expected) assert.match(each, /^(?:I[1-9][0-9]?|identity|assertion)$/);
    }
  });

  it("are the whole list of mistakes, or wait for a reason", () => {
    for (const { id, reason } of caughtElsewhere) assert.notEqual(reason, "", id);
    const numbers = new Set([...mutants, ...caughtElsewhere].map(numberOf));
    const all = Array.from({ length: lastNumber }, (_, at) => at + 1);
    assert.deepEqual([...numbers].sort((a, b) => a - b), all);
  });

  it("are refused where the source has changed", () => {
    const patch = { file: "a.ts", find: "one", replace: "two" };
    assert.equal(patched("one more", patch), "two more");
    assert.throws(() => patched("two", patch), /a\.ts has 0 places/);
    assert.throws(() => patched("one and one", patch), /a\.ts has 2 places/);
  });
});
