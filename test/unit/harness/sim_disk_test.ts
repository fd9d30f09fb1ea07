import { assert, describe, it } from "../../harness/test.ts";
import { SimClock } from "../../harness/sim_clock.ts";
import { SimDisk } from "../../harness/sim_disk.ts";
import { SimProcess } from "../../harness/sim_process.ts";
import { SimScheduler } from "../../harness/sim_scheduler.ts";
import { Prng } from "../../../src/lib/prng.ts";
import type { IdentityStore, StorageEngine } from "../../../src/node/ports.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";

const identity = {
  ...{ clusterId: "c", nodeId: 1, incarnation: "0123456789abcdef", starts: 1, logEpoch: 0 },
  recovering: false,
};

/** The write of this number appends the entry of this index, in term 1. */
function append(number: number, bytes = 1): LogWrite {
  const data = new Uint8Array(bytes);
  const entry = makeEntry({ index: number, term: 1, kind: "command", timeMs: 0, data });
  const hardState = { currentTerm: 1, commitIndex: 0 };
  return { number, entries: [entry], ...(number === 1 ? { hardState } : {}) };
}

class DiskWorld {
  readonly scheduler = new SimScheduler();
  readonly prng: Prng;
  readonly disk: SimDisk;
  readonly fatal: string[] = [];
  process!: SimProcess;
  storage!: StorageEngine;
  identityStore!: IdentityStore;

  constructor(seed = 1) {
    this.prng = new Prng(seed);
    const options = { latencyMinUs: 100, latencyMaxUs: 200 };
    this.disk = new SimDisk({ scheduler: this.scheduler, prng: this.prng }, options);
    this.start();
  }

  start(): void {
    this.process = new SimProcess("n1", this);
    const opened = this.disk.open({
      process: this.process,
      clock: new SimClock(this),
      onFatal: (error) => this.fatal.push(error.message),
    });
    this.storage = opened.storage;
    this.identityStore = opened.identity;
  }

  crash(): void {
    this.process.kill();
    this.disk.crash();
    this.start();
  }

  get lastIndex(): number {
    return this.storage.log.lastIndex();
  }
}

describe("SimDisk", () => {
  it("finishes writes in order, one after the other, each after its latency", () => {
    const world = new DiskWorld();
    const done: string[] = [];
    for (const number of [1, 2, 3]) {
      world.storage.persist(append(number), () => done.push(`${number}`));
    }
    assert.deepEqual(done, []);
    world.scheduler.runFor(99);
    assert.equal(world.lastIndex, 0);
    world.scheduler.runFor(101);
    assert.deepEqual(done, ["1"]);
    assert.equal(world.lastIndex, 1);
    world.scheduler.runFor(400);
    assert.deepEqual(done, ["1", "2", "3"]);
    assert.equal(world.storage.stored().batchNumber, 3);
  });

  it("keeps what it reported done, and of the rest a prefix that the seed draws", () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const world = new DiskWorld(seed);
      let done = 0;
      for (let number = 1; number <= 4; number++) {
        world.storage.persist(append(number), () => done = number);
      }
      world.scheduler.runUntil(() => done === 1, 1_000);
      world.crash();
      assert.ok(world.lastIndex >= 1 && world.lastIndex <= 4, `${world.lastIndex}`);
      assert.equal(world.storage.stored().batchNumber, world.lastIndex);
      kept.add(world.lastIndex);
      world.scheduler.runFor(10_000);
      assert.equal(done, 1);
      // The next process goes on from there.
      world.storage.persist(append(world.lastIndex + 1), () => done = 99);
      world.scheduler.runFor(10_000);
      assert.equal(done, 99);
    }
    assert.deepEqual([...kept].sort(), [1, 2, 3, 4]);
  });

  it("forgets in a crash what it was at work on, so that the next writes take their time", () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = new DiskWorld(seed);
      let done = 0;
      world.storage.persist(append(1), () => {});
      world.crash();
      const next = world.lastIndex + 1;
      world.storage.persist(append(next), () => done++);
      world.storage.persist(append(next + 1), () => done++);
      world.scheduler.runFor(199);
      assert.ok(done <= 1, `${done}`);
    }
  });

  it("tells no process that died, or before it goes on", () => {
    const world = new DiskWorld();
    let done = 0;
    world.storage.persist(append(1), () => done++);
    world.process.pause();
    world.scheduler.runFor(1_000);
    assert.deepEqual([done, world.lastIndex], [0, 1]);
    world.process.resume();
    world.scheduler.runFor(0);
    assert.equal(done, 1);
    world.storage.persist(append(2), () => done++);
    world.process.kill();
    world.scheduler.runFor(1_000);
    assert.equal(done, 1);
  });

  it("stands still during a stall and goes on behind it", () => {
    const world = new DiskWorld();
    let done = 0;
    world.disk.stall(60_000_000);
    world.storage.persist(append(1), () => done++);
    world.scheduler.runFor(59_000_000);
    assert.equal(done, 0);
    world.scheduler.runFor(1_100_000);
    assert.equal(done, 1);
  });

  it("is a slow disk while it is full, and heals by itself", () => {
    const world = new DiskWorld();
    let done = 0;
    world.disk.log.freeBytes = 10;
    world.storage.persist(append(1, 100), () => done++);
    world.storage.persist(append(2, 1), () => done++);
    world.scheduler.runFor(5_000_000);
    assert.equal(done, 0);
    assert.equal(world.storage.space().freeBytes, 10);
    world.disk.log.freeBytes = 1_000;
    world.scheduler.runFor(2_000_000);
    assert.equal(done, 2);
    assert.deepEqual(world.fatal, []);
  });

  it("ends the process when it breaks, and reports nothing done", () => {
    const world = new DiskWorld();
    let done = 0;
    world.disk.breakDown();
    world.storage.persist(append(1), () => done++);
    world.scheduler.runFor(1_000);
    assert.deepEqual(world.fatal, ["Cannot sync the log: EIO"]);
    assert.equal(done, 0);
    world.crash();
    world.storage.persist(append(world.lastIndex + 1), () => done++);
    world.scheduler.runFor(1_000);
    assert.equal(done, 1);
  });

  it("keeps an identity once it is saved, and a crash before that may go either way", () => {
    const outcomes = new Set<boolean>();
    for (let seed = 0; seed < 20; seed++) {
      const world = new DiskWorld(seed);
      assert.equal(world.identityStore.load(), undefined);
      world.identityStore.save(identity, () => {});
      world.crash();
      outcomes.add(world.identityStore.load() !== undefined);
      let done = 0;
      world.identityStore.save({ ...identity, starts: 2 }, () => done++);
      world.scheduler.runFor(1_000);
      world.crash();
      assert.deepEqual([done, world.identityStore.load()?.starts], [1, 2]);
    }
    assert.equal(outcomes.size, 2);
  });

  it("is empty after somebody wiped it", () => {
    const world = new DiskWorld();
    world.identityStore.save(identity, () => {});
    world.storage.persist(append(1), () => {});
    world.scheduler.runFor(1_000);
    world.process.kill();
    world.disk.crash();
    world.disk.wipe();
    world.start();
    assert.equal(world.identityStore.load(), undefined);
    assert.equal(world.lastIndex, 0);
  });
});
