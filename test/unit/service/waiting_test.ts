/** Waiting for a leader and for a revision. */

import { LeaderWatch } from "../../../src/service/leader_watch.ts";
import { RevisionWait } from "../../../src/service/revision_wait.ts";
import { FakeNode } from "../../harness/fake_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const never = 60_000;

/** Whether a promise is over without time passing. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  void promise.then(() => over = true);
  await standstill();
  return over;
}

describe("LeaderWatch", soon, () => {
  it("knows the leader from the start, and whoever comes after it", () => {
    const node = new FakeNode();
    const leaders = new LeaderWatch(node, 1);
    assert.deepEqual([leaders.leader, leaders.isSelf], [2, false]);
    node.lead(1);
    assert.deepEqual([leaders.leader, leaders.isSelf], [1, true]);
    node.lead(undefined);
    assert.deepEqual([leaders.leader, leaders.isSelf], [undefined, false]);
  });

  it("wakes everybody who waits at the next change, once", async () => {
    const node = new FakeNode();
    const leaders = new LeaderWatch(node, 1);
    const waiting = [leaders.nextChange({ ms: never }), leaders.nextChange({ ms: never })];
    assert.deepEqual(await Promise.all(waiting.map(isOver)), [false, false]);
    node.lead(3);
    await Promise.all(waiting);
    assert.equal(await isOver(leaders.nextChange({ ms: 1_000 })), false, "the change is over");
    leaders.close();
  });

  it("wakes them when their time is up, and when it closes; then it listens no more", async () => {
    const node = new FakeNode();
    const leaders = new LeaderWatch(node, 1);
    await leaders.nextChange({ ms: 1 });
    await leaders.nextChange({ ms: -5 });
    const waiting = leaders.nextChange({ ms: never });
    leaders.close();
    await waiting;
    assert.deepEqual([leaders.isClosed, node.listeners], [true, 0]);
    await leaders.nextChange({ ms: never });
  });
});

describe("RevisionWait", soon, () => {
  function revisions(current = 5) {
    const node = new FakeNode();
    const state = { current };
    const wait = new RevisionWait(node, () => state.current);
    const apply = (revision: number): void => {
      state.current = revision;
      node.applied();
    };
    return { node, wait, apply };
  }

  it("does not wait for what is there", async () => {
    const { wait } = revisions();
    assert.deepEqual([await wait.until(5, { ms: 0 }), await wait.until(1, { ms: -1 })], [
      true,
      true,
    ]);
  });

  it("wakes each one at its revision, not before", async () => {
    const { wait, apply } = revisions();
    const [six, eight] = [wait.until(6, { ms: never }), wait.until(8, { ms: never })];
    apply(7);
    assert.equal(await six, true);
    assert.equal(await isOver(eight), false);
    apply(8);
    assert.equal(await eight, true);
  });

  it("says when it did not come in time", async () => {
    const { wait } = revisions();
    assert.equal(await wait.until(6, { ms: 5 }), false);
  });

  it("wakes who waits for anything at the next page, or when the time is up", async () => {
    const { wait, apply } = revisions();
    const next = wait.nextApplied({ ms: never });
    assert.equal(await isOver(next), false);
    apply(5);
    await next;
    await wait.nextApplied({ ms: 1 });
  });

  it("holds nobody at the close nor after it, and listens no more", async () => {
    const { wait, node } = revisions();
    const waiting = [wait.until(6, { ms: never }), wait.nextApplied({ ms: never })];
    wait.close();
    assert.deepEqual(await Promise.all(waiting), [false, undefined]);
    assert.equal(await wait.until(6, { ms: never }), false);
    await wait.nextApplied({ ms: never });
    assert.deepEqual([wait.isClosed, node.listeners], [true, 0]);
  });
});
