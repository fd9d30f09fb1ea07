/** When a lease is believed, and when not. */

import { LeaseReads, SuspensionGuard } from "../../../src/service/lease_reads.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { ServedFakeNode, within } from "../../harness/served_node.ts";

/** Clocks, a lease and a store, each set by hand. */
class Scene {
  nowMs = 10_000;
  wallMs = 1_700_000_000_000;
  lease: number | undefined = 7;
  applied = 7;
  peersAgree = true;
  readonly reads = new LeaseReads({
    node: { leaseIndex: () => this.lease },
    clock: { monotonicMs: () => this.nowMs, wallMs: () => this.wallMs },
    applied: () => this.applied,
    peersAgree: () => this.peersAgree,
    leaseMsMax: 1_000,
    marginMs: 50,
  });

  constructor() {
    // The first look knows nothing of what was before it.
    assert.equal(this.reads.holds(), false);
    this.pass(1_000);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.wallMs += ms;
  }
}

describe("A lease", () => {
  it("is believed where the store has applied all that was committed", () => {
    const scene = new Scene();
    assert.equal(scene.reads.holds(), true);
    scene.applied = 6;
    assert.equal(scene.reads.holds(), false);
    scene.applied = 8;
    assert.equal(scene.reads.holds(), true);
    scene.lease = undefined;
    assert.equal(scene.reads.holds(), false);
  });

  it("is not believed where a voter might stand for election sooner", () => {
    const scene = new Scene();
    scene.peersAgree = false;
    assert.equal(scene.reads.holds(), false);
  });

  it("is void after the machine was suspended, until none of before can last", () => {
    const scene = new Scene();
    assert.equal(scene.reads.holds(), true);
    // Only the wall clock went on.
    scene.wallMs += 30_000;
    assert.equal(scene.reads.holds(), false);
    scene.pass(999);
    assert.equal(scene.reads.holds(), false);
    scene.pass(1);
    assert.equal(scene.reads.holds(), true);
  });
});

describe("What is taken for a suspension", () => {
  it("is half of the margin: two looks lie within a lease at most", () => {
    const guard = new SuspensionGuard({ leaseMsMax: 1_000, marginMs: 50 });
    guard.isClear(0, 0);
    assert.equal(guard.isClear(1_000, 1_025), true);
    const other = new SuspensionGuard({ leaseMsMax: 1_000, marginMs: 50 });
    other.isClear(0, 0);
    assert.equal(other.isClear(1_000, 1_026), false);
  });

  it("adds up: many short ones count like a long one", () => {
    const guard = new SuspensionGuard({ leaseMsMax: 1_000, marginMs: 50 });
    guard.isClear(0, 0);
    assert.equal(guard.isClear(1_000, 1_000), true);
    const clear = [10, 20, 30].map((ahead, at) => guard.isClear(1_001 + at, 1_001 + at + ahead));
    assert.deepEqual(clear, [true, true, false]);
  });

  it("is a date that is set, forward or back, and no clock that drifts", () => {
    const guard = new SuspensionGuard({ leaseMsMax: 1_000, marginMs: 50 });
    guard.isClear(0, 0);
    for (let nowMs = 1_000; nowMs < 100_000; nowMs += 100) {
      assert.equal(guard.isClear(nowMs, nowMs + Math.floor(nowMs / 100)), true, `${nowMs}`);
    }
    assert.equal(guard.isClear(100_000, 50_000), false);
    assert.equal(guard.isClear(100_999, 50_999), false);
    assert.equal(guard.isClear(101_000, 51_000), true);
  });
});

describe("A read at level lease", () => {
  const get = { kind: "get", keys: [], bytesMax: 1 } as const;

  it("asks nobody while there is one, and says so", async () => {
    const served = new ServedFakeNode();
    served.node.lease = 1;
    served.node.answer = () => ({ kind: "records", revision: 3, records: [] });
    const { header } = await served.kv.read(get, { ...within(1_000), level: "lease" });
    assert.deepEqual([header.level, header.stalenessMs], ["lease", undefined]);
    assert.equal(served.node.reads.length, 0);
  });

  it("is linearizable where there is none, and says so", async () => {
    const served = new ServedFakeNode();
    served.node.onRead = ({ settle }) => settle({ kind: "readable", index: 1 });
    served.node.answer = () => ({ kind: "records", revision: 3, records: [] });
    const { header } = await served.kv.read(get, { ...within(1_000), level: "lease" });
    assert.equal(header.level, "linearizable");
    assert.equal(served.node.reads.length, 1);
  });
});
