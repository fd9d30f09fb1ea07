import { Staleness } from "../../../src/node/staleness.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("Staleness", () => {
  it("is infinite while nothing is known", () => {
    const staleness = new Staleness(100);
    assert.equal(staleness.ms(5000), Infinity);
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 100 });
    assert.equal(staleness.ms(5000), Infinity, "the store has not applied 7");
  });

  it("is the age of the newest report whose commit index is applied", () => {
    const staleness = new Staleness(100);
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 100 });
    staleness.heard({ term: 1, leaderCommit: 9, sentRoundMs: 200 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(250), 150);
    staleness.applied({ index: 8, term: 1 });
    assert.equal(staleness.ms(250), 150);
    staleness.applied({ index: 9, term: 1 });
    assert.equal(staleness.ms(250), 50);
  });

  it("a later report of the same index makes it younger", () => {
    const staleness = new Staleness(100);
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 100 });
    staleness.applied({ index: 7, term: 1 });
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 300 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(310), 10);
  });

  it("never grows older by a report that comes late", () => {
    const staleness = new Staleness(100);
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 300 });
    staleness.applied({ index: 7, term: 1 });
    staleness.heard({ term: 1, leaderCommit: 6, sentRoundMs: 100 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(310), 10);
  });

  it("keeps few reports while the store is behind, and says rather too much", () => {
    const staleness = new Staleness(100);
    for (let index = 1; index <= 1000; index++) {
      staleness.heard({ term: 1, leaderCommit: index, sentRoundMs: index });
    }
    staleness.applied({ index: 200, term: 1 });
    assert.equal(staleness.ms(1000), 800);
    staleness.applied({ index: 1000, term: 1 });
    assert.ok(staleness.ms(1000) >= 0);
    staleness.heard({ term: 1, leaderCommit: 1001, sentRoundMs: 1001 });
    staleness.applied({ index: 1001, term: 1 });
    assert.equal(staleness.ms(1001), 0);
  });

  it("does not count a leader before something of its term is applied", () => {
    const staleness = new Staleness(100);
    staleness.heard({ term: 1, leaderCommit: 7, sentRoundMs: 100 });
    staleness.applied({ index: 8, term: 1 });
    staleness.heard({ term: 2, leaderCommit: 7, sentRoundMs: 5_000 });
    staleness.applied({ index: 8, term: 1 });
    assert.equal(staleness.ms(5_010), 4_910, "entry 9 may be committed");
    staleness.applied({ index: 10, term: 2 });
    assert.equal(staleness.ms(5_010), 10);
  });

  it("is never negative", () => {
    const staleness = new Staleness(100);
    staleness.heard({ term: 1, leaderCommit: 1, sentRoundMs: 500 });
    staleness.applied({ index: 1, term: 1 });
    assert.equal(staleness.ms(499), 0);
  });

  it("counts what a turn finds from the turn before", () => {
    const staleness = new Staleness(100);
    staleness.turn(1_000);
    staleness.turn(1_020);
    staleness.heard({ term: 1, leaderCommit: 7 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(1_030), 30);
    staleness.turn(1_110);
    staleness.heard({ term: 1, leaderCommit: 7 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(1_110), 90);
  });

  it("counts what waited during a stall from before it, until the process has caught up", () => {
    const staleness = new Staleness(100);
    const turn = (nowMs: number, commitIndex: number): number => {
      staleness.turn(nowMs);
      staleness.heard({ term: 1, leaderCommit: commitIndex });
      staleness.applied({ index: commitIndex, term: 1 });
      return staleness.ms(nowMs);
    };
    turn(1_000, 7);
    assert.equal(turn(5_000, 7), 4_000);
    assert.equal(turn(5_050, 8), 4_050);
    assert.equal(turn(5_090, 9), 4_090);
    // What a leader knows of its own rounds, it knows by when it sent them.
    staleness.heard({ term: 1, leaderCommit: 9, sentRoundMs: 5_060 });
    staleness.applied({ index: 9, term: 1 });
    assert.equal(staleness.ms(5_090), 30);
    assert.equal(turn(5_110, 10), 20);
  });

  it("a process that stands still again and again has not caught up", () => {
    const staleness = new Staleness(100);
    for (let ms = 1_000; ms <= 2_000; ms += 101) staleness.turn(ms);
    staleness.heard({ term: 1, leaderCommit: 7 });
    staleness.applied({ index: 7, term: 1 });
    assert.equal(staleness.ms(1_910), 910);
  });
});
