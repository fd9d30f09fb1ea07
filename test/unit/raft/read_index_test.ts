import { ReadIndexRounds } from "../../../src/raft/read_index.ts";
import type { ReadId } from "../../../src/raft/types.ts";
import { assert, describe, it } from "../../harness/test.ts";

const read = (counter: number): ReadId => ({ node: 1, nonce: 1, counter });

describe("ReadIndexRounds", () => {
  it("a round takes along what arrived before it, at the commit index of its begin", () => {
    const rounds = new ReadIndexRounds(10);
    rounds.add(read(1));
    rounds.begin(100, 7);
    rounds.add(read(2));
    rounds.begin(200, 9);
    assert.deepEqual(rounds.confirm(1), [{ id: read(1), index: 7, round: 1 }]);
    assert.deepEqual(rounds.confirm(2), [{ id: read(2), index: 9, round: 2 }]);
  });

  it("confirming a round confirms all before it, once", () => {
    const rounds = new ReadIndexRounds(10);
    for (const counter of [1, 2, 3]) {
      rounds.add(read(counter));
      rounds.begin(100 * counter, counter);
    }
    assert.deepEqual(rounds.confirm(2).map(({ index }) => index), [1, 2]);
    assert.deepEqual(rounds.confirm(2), []);
    assert.deepEqual(rounds.confirm(1), []);
    assert.deepEqual(rounds.confirm(3).map(({ index }) => index), [3]);
  });

  it("reads wait while the leader does not know its commit index", () => {
    const rounds = new ReadIndexRounds(10);
    rounds.add(read(1));
    rounds.begin(100, undefined);
    assert.deepEqual(rounds.confirm(1), []);
    assert.equal(rounds.hasWaiting, true);
    rounds.begin(200, 5);
    assert.equal(rounds.hasWaiting, false);
    assert.deepEqual(rounds.confirm(2).map(({ index }) => index), [5]);
  });

  it("tells when the newest confirmed round was sent, not when it was confirmed", () => {
    const rounds = new ReadIndexRounds(10);
    assert.equal(rounds.confirmedSentMs, undefined);
    rounds.begin(100, 1);
    rounds.begin(200, 1);
    rounds.begin(300, 1);
    rounds.confirm(2);
    assert.equal(rounds.confirmedSentMs, 200);
  });

  it("takes no more than pendingMax, waiting and under way together", () => {
    const rounds = new ReadIndexRounds(2);
    assert.equal(rounds.add(read(1)), true);
    rounds.begin(100, 1);
    assert.equal(rounds.add(read(2)), true);
    assert.equal(rounds.add(read(3)), false);
    rounds.confirm(1);
    assert.equal(rounds.add(read(3)), true);
  });

  it("drops everything when leadership ends", () => {
    const rounds = new ReadIndexRounds(10);
    rounds.add(read(1));
    rounds.begin(100, 1);
    rounds.add(read(2));
    assert.deepEqual(rounds.drop().map(({ counter }) => counter).sort(), [1, 2]);
    assert.deepEqual(rounds.confirm(9), []);
  });
});
