import { Staleness } from "../../../src/node/staleness.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("Staleness", () => {
  it("is infinite while nothing is known", () => {
    const staleness = new Staleness();
    assert.equal(staleness.ms(5000), Infinity);
    staleness.heard(7, 100);
    assert.equal(staleness.ms(5000), Infinity, "the store has not applied 7");
  });

  it("is the age of the newest report whose commit index is applied", () => {
    const staleness = new Staleness();
    staleness.heard(7, 100);
    staleness.heard(9, 200);
    staleness.applied(7);
    assert.equal(staleness.ms(250), 150);
    staleness.applied(8);
    assert.equal(staleness.ms(250), 150);
    staleness.applied(9);
    assert.equal(staleness.ms(250), 50);
  });

  it("a later report of the same index makes it younger", () => {
    const staleness = new Staleness();
    staleness.heard(7, 100);
    staleness.applied(7);
    staleness.heard(7, 300);
    staleness.applied(7);
    assert.equal(staleness.ms(310), 10);
  });

  it("never grows older by a report that comes late", () => {
    const staleness = new Staleness();
    staleness.heard(7, 300);
    staleness.applied(7);
    staleness.heard(6, 100);
    staleness.applied(7);
    assert.equal(staleness.ms(310), 10);
  });

  it("keeps few reports while the store is behind, and says rather too much", () => {
    const staleness = new Staleness();
    for (let index = 1; index <= 1000; index++) staleness.heard(index, index);
    staleness.applied(200);
    assert.equal(staleness.ms(1000), 800);
    staleness.applied(1000);
    assert.ok(staleness.ms(1000) >= 0);
    staleness.heard(1001, 1001);
    staleness.applied(1001);
    assert.equal(staleness.ms(1001), 0);
  });

  it("is never negative", () => {
    const staleness = new Staleness();
    staleness.heard(1, 500);
    staleness.applied(1);
    assert.equal(staleness.ms(499), 0);
  });
});
