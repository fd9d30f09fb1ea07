import { assert, describe, it } from "../../harness/test.ts";
import { LogModel, randomWrite } from "../../harness/log_model.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { LogOutline } from "../../../src/storage/log_outline.ts";
import { TermRuns } from "../../../src/storage/term_runs.ts";

describe("LogOutline", () => {
  it("follows a naive log through random writes and discards", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const prng = new Prng(seed);
      const model = new LogModel();
      let outline = new LogOutline();
      for (let step = 0; step < 80; step++) {
        if (prng.chance(1, 30) && model.entries.length > 0) {
          const from = model.boundary.position.index + 1 + prng.below(model.entries.length);
          const hardState = { currentTerm: model.hardState.currentTerm, commitIndex: 1000 };
          outline = outline.discarded(from, hardState);
          model.discard(from, hardState);
        }
        const write = randomWrite(model, prng);
        outline.check(write);
        const last = outline.lastAfter(write);
        outline.advance(write);
        model.apply(write);
        assert.deepEqual(outline.last, last);
        assert.deepEqual(outline.last, { index: model.lastIndex, term: model.lastTerm });
        assert.deepEqual(outline.hardState, model.hardState);
        assert.deepEqual(outline.boundary, model.boundary);
        const { configurations } = model.view();
        const found = outline.configurations.map(({ configuration }) => configuration);
        assert.deepEqual(found, configurations);
        assert.equal(outline.term(outline.firstIndex - 2), undefined);
        assert.equal(outline.term(model.boundary.position.index), model.boundary.position.term);
        for (const { index, term } of model.entries) assert.equal(outline.term(index), term);
        assert.equal(outline.term(model.lastIndex + 1), undefined);
      }
    }
  });
});

describe("TermRuns", () => {
  it("keeps one run a term, and refuses a term that falls", () => {
    const runs = new TermRuns();
    for (let index = 1; index <= 100; index++) runs.append(index, Math.ceil(index / 25));
    assert.deepEqual([1, 25, 26, 75, 76, 100].map((index) => runs.at(index)), [1, 1, 2, 3, 4, 4]);
    assert.equal(runs.at(0), undefined);
    assert.throws(() => runs.append(101, 3), /Term 3 of entry 101 is below 4/);
    runs.truncateFrom(50);
    runs.append(50, 9);
    assert.deepEqual([49, 50].map((index) => runs.at(index)), [2, 9]);
    runs.dropBelow(30);
    assert.deepEqual([25, 30, 49, 50].map((index) => runs.at(index)), [undefined, 2, 2, 9]);
  });
});
