import { assert, describe, it } from "../../harness/test.ts";
import { Queue } from "../../../src/lib/queue.ts";
import { Prng } from "../../../src/lib/prng.ts";

describe("Queue", () => {
  it("does what an array does, over random pushes, shifts, peeks and clears", () => {
    const prng = new Prng(1);
    const queue = new Queue<number>();
    let model: number[] = [];
    for (let round = 0; round < 50_000; round++) {
      // Long phases of growth and of shrinking, so that the space is given back many times.
      const grows = Math.floor(round / 500) % 2 === 0;
      const draw = prng.below(1_000);
      if (draw === 0) {
        queue.clear();
        model = [];
      } else if (draw < (grows ? 700 : 300)) {
        queue.push(round);
        model.push(round);
      } else {
        assert.equal(queue.peek(), model[0]);
        assert.equal(queue.shift(), model.shift());
      }
      assert.equal(queue.length, model.length);
    }
  });

  it("gives nothing when it is empty, and goes on", () => {
    const queue = new Queue<string>();
    assert.equal(queue.shift(), undefined);
    assert.equal(queue.peek(), undefined);
    queue.push("a");
    assert.equal(queue.shift(), "a");
    assert.equal(queue.length, 0);
    queue.push("b");
    assert.equal(queue.peek(), "b");
  });
});
