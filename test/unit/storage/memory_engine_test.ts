import { assert, describe, it } from "../../harness/test.ts";
import { entryAt, LogModel, viewOf } from "../../harness/log_model.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import { MemoryDisk, MemoryEngine } from "../../../src/storage/memory/memory_engine.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";

const write = (number: number): LogWrite => ({ number, entries: [entryAt(number, 1)] });

describe("MemoryDisk", () => {
  it("keeps writes waiting until they are flushed, in order", () => {
    const disk = new MemoryDisk({ durable: "onFlush" });
    const engine = new MemoryEngine(disk, new ManualClock());
    const done: number[] = [];
    for (const number of [1, 2, 3]) engine.persist(write(number), () => done.push(number));
    assert.equal(disk.unflushedCount, 3);
    assert.equal(engine.log.lastIndex(), 0);
    disk.flush(1);
    assert.deepEqual(done, [1]);
    assert.equal(engine.log.lastIndex(), 1);
    disk.flush();
    assert.deepEqual(done, [1, 2, 3]);
  });

  it("keeps a prefix in a crash, and tells nobody", () => {
    for (let kept = 0; kept <= 3; kept++) {
      const disk = new MemoryDisk({ durable: "onFlush" });
      const model = new LogModel();
      const engine = new MemoryEngine(disk, new ManualClock());
      for (const number of [1, 2, 3]) {
        engine.persist(write(number), () => assert.fail("the process is gone"));
        if (number <= kept) model.apply(write(number));
      }
      disk.crash(kept);
      disk.flush();
      assert.deepEqual(viewOf(new MemoryEngine(disk, new ManualClock())), model.view());
    }
  });

  it("that lost its log is behind its mark", () => {
    const disk = new MemoryDisk();
    new MemoryEngine(disk, new ManualClock()).persist(write(1), () => {});
    disk.loseLog();
    const { batchNumber, mark } = new MemoryEngine(disk, new ManualClock()).stored();
    assert.deepEqual([batchNumber, mark?.batchNumber], [0, 1]);
  });
});

describe("MemoryIdentity", () => {
  it("gives back what was saved", () => {
    const store = new MemoryIdentity();
    assert.equal(store.load(), undefined);
    const identity = {
      ...{ clusterId: "test", nodeId: 1, incarnation: "0".repeat(16), starts: 1, logEpoch: 0 },
      recovering: false,
    };
    let isDone = false;
    store.save(identity, () => isDone = true);
    assert.ok(isDone);
    assert.deepEqual(store.load(), identity);
  });
});
