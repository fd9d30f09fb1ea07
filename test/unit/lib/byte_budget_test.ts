import { ByteBudget, ByteShare } from "../../../src/lib/byte_budget.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("ByteBudget", () => {
  it("gives what there is, all or nothing", () => {
    const budget = new ByteBudget(10);
    const [one, two] = [new ByteShare(budget), new ByteShare(budget)];
    assert.equal(one.take(6), true);
    assert.equal(two.take(5), false);
    assert.equal(two.heldBytes, 0);
    assert.equal(two.take(4), true);
    assert.equal(budget.heldBytes, 10);
    assert.equal(budget.hasRoomFor(1), false);
    assert.equal(budget.hasRoomFor(0), true);
  });

  it("gets back all that a share held, once, and the share takes no more", () => {
    const budget = new ByteBudget(10);
    const share = new ByteShare(budget);
    share.take(3);
    share.take(4);
    share.release();
    share.release();
    assert.equal(budget.heldBytes, 0);
    assert.equal(share.take(1), false);
    assert.equal(budget.heldBytes, 0);
  });
});
