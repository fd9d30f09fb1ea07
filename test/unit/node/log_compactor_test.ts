import { type CompactionPolicy, LogCompactor } from "../../../src/node/log_compactor.ts";
import type { LogReader } from "../../../src/raft/ports.ts";
import type { Entry } from "../../../src/raft/types.ts";
import { entryAt } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const off: CompactionPolicy = {
  entries: 0,
  bytes: 0,
  intervalMs: 0,
  coolDownMs: 1_000,
  retainedEntries: 10,
  retainedBytes: 10_000_000,
};

/** A log of one node that applies `applied` entries of `entryBytes` each. */
class Log {
  boundary = 0;
  applied = 0;
  /** What a crash does not take from the store. */
  durable = Infinity;
  holdIndex: number | undefined;
  heldBytesMax = 1_000_000;
  readonly compactedTo: number[] = [];
  /** What was read of the log since the last start, bytes a read. */
  readonly reads: number[] = [];
  readonly #policy: CompactionPolicy;
  readonly #entries: Entry[] = [];
  compactor: LogCompactor;

  constructor(policy: Partial<CompactionPolicy>) {
    this.#policy = { ...off, ...policy };
    this.compactor = this.#started();
  }

  #started(): LogCompactor {
    return new LogCompactor({
      policy: this.#policy,
      makeDurable: (done) => done({ index: Math.min(this.durable, this.applied), term: 1 }),
      compact: (to) => {
        this.boundary = to;
        this.compactedTo.push(to);
      },
      log: { entries: (range) => this.#read(range) },
      reached: { index: this.applied, term: 1 },
    });
  }

  #read({ from, to, bytesMax }: Parameters<LogReader["entries"]>[0]): readonly Entry[] {
    assert.ok(from > this.boundary, `entry ${from} is compacted`);
    let bytes = 0;
    const page = this.#entries.slice(from - 1, to).filter(({ data }, at) => {
      bytes += data.length;
      return at === 0 || bytes <= bytesMax;
    });
    this.reads.push(page.reduce((sum, { data }) => sum + data.length, 0));
    return page;
  }

  restart(): void {
    this.reads.length = 0;
    this.compactor = this.#started();
  }

  apply(count: number, entryBytes = 1): void {
    for (let left = count; left > 0; left--) {
      const entry = entryAt(`${++this.applied}@1`, "x".repeat(entryBytes));
      this.#entries.push(entry);
      this.compactor.applied([entry]);
    }
  }

  look(nowMs: number): number {
    const { boundary, applied, holdIndex: index, heldBytesMax: bytesMax } = this;
    const holds = index === undefined ? [] : [{ index, bytesMax }, { index: 90, bytesMax }];
    this.compactor.look({ boundary, applied, holds }, nowMs);
    return this.boundary;
  }
}

describe("LogCompactor", () => {
  it("by entries: when so many could go, keeping the tail", () => {
    const log = new Log({ entries: 100 });
    log.look(0);
    log.apply(109);
    assert.equal(log.look(5_000), 0);
    log.apply(1);
    assert.equal(log.look(6_000), 100);
  });

  it("by bytes: when so many could go", () => {
    const log = new Log({ bytes: 1_000_000 });
    log.look(0);
    log.apply(19, 100_000);
    assert.equal(log.look(5_000), 0);
    log.apply(2, 100_000);
    assert.equal(log.look(6_000), 11);
  });

  it("by time: whatever could go, after the interval", () => {
    const log = new Log({ intervalMs: 60_000 });
    log.look(0);
    log.apply(12);
    assert.equal(log.look(59_999), 0);
    assert.equal(log.look(60_000), 2);
    log.apply(1);
    assert.equal(log.look(119_999), 2);
    assert.equal(log.look(120_000), 3);
  });

  it("never when no policy is on", () => {
    const log = new Log({});
    log.look(0);
    log.apply(100_000);
    assert.equal(log.look(1_000_000_000), 0);
  });

  it("rests between two compactions", () => {
    const log = new Log({ entries: 1, coolDownMs: 10_000 });
    log.look(0);
    log.apply(100);
    assert.equal(log.look(9_999), 0);
    assert.equal(log.look(10_000), 90);
    log.apply(100);
    assert.equal(log.look(19_999), 90);
    assert.equal(log.look(20_000), 190);
  });

  it("on request at once, and only once", () => {
    const log = new Log({});
    log.apply(100);
    log.compactor.request();
    assert.equal(log.look(0), 90);
    log.apply(100);
    assert.equal(log.look(1), 90);
  });

  it("a request with nothing to compact is over", () => {
    const log = new Log({});
    log.apply(10);
    log.compactor.request();
    assert.equal(log.look(0), 0);
    log.apply(100);
    assert.equal(log.look(1), 0);
  });

  it("a request while everything is needed is done as soon as it is not", () => {
    const log = new Log({});
    log.apply(100);
    log.holdIndex = 0;
    log.compactor.request();
    assert.equal(log.look(0), 0);
    log.holdIndex = undefined;
    assert.equal(log.look(1), 90);
    log.apply(100);
    assert.equal(log.look(2), 90);
  });

  it("a request while nothing can be made durable is done as soon as it can", () => {
    const log = new Log({});
    log.apply(100);
    log.durable = 0;
    log.compactor.request();
    assert.equal(log.look(0), 0);
    log.durable = Infinity;
    assert.equal(log.look(1), 90);
    log.apply(100);
    assert.equal(log.look(2), 90);
  });

  it("the tail that stays is as long as both bounds allow", () => {
    const log = new Log({ entries: 1, retainedEntries: 1_000, retainedBytes: 500_000 });
    log.apply(100, 100_000);
    log.look(0);
    assert.equal(log.look(1_000), 96);
  });

  it("never passes what the store holds durably", () => {
    const log = new Log({ entries: 1 });
    log.apply(100);
    log.durable = 40;
    log.look(0);
    assert.equal(log.look(1_000), 40);
    assert.equal(log.look(2_000), 40);
    assert.deepEqual(log.compactedTo, [40]);
  });

  it("keeps what a follower still needs", () => {
    const log = new Log({ entries: 1 });
    log.apply(100);
    log.holdIndex = 30;
    log.look(0);
    assert.equal(log.look(1_000), 30);
    assert.equal(log.look(2_000), 30);
    log.holdIndex = undefined;
    assert.equal(log.look(3_000), 90);
  });

  it("but only so much of it: who is slow does not hold the log for ever", () => {
    const log = new Log({ entries: 1 });
    log.heldBytesMax = 2_000_000;
    log.apply(30, 100_000);
    log.holdIndex = 5;
    log.look(0);
    assert.equal(log.look(1_000), 5);
    log.apply(30, 100_000);
    assert.equal(log.look(2_000), 50);
  });

  it("an image that took the place of the log begins the count anew", () => {
    const log = new Log({ bytes: 1_000_000, retainedEntries: 0 });
    log.look(0);
    log.apply(9, 100_000);
    log.compactor.adopted();
    log.boundary = 9;
    log.apply(9, 100_000);
    assert.equal(log.look(5_000), 9);
  });

  it("counts the bytes of what was applied before the start, a little at a look", () => {
    const log = new Log({ bytes: 2_000_000, retainedEntries: 1_000, retainedBytes: 500_000 });
    for (let run = 1; run <= 10; run++) {
      for (let at = 0; at < 9; at++) {
        log.apply(1, 100_000);
        log.look(run * 100_000 + at * 10_000);
      }
      assert.ok(log.reads.every((bytes) => bytes <= 1_048_576), String(log.reads));
      log.restart();
    }
    assert.ok(log.applied - log.boundary <= 27, `${log.applied - log.boundary} entries are left`);
    // What was read of what is compacted by now counts no more.
    log.apply(1, 100_000);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1_000) log.look(nowMs);
    assert.ok(log.applied - log.boundary >= 4, `${log.applied - log.boundary} entries are left`);
  });

  it("does not read on what an image has taken the place of", () => {
    const log = new Log({ bytes: 1_000_000, retainedEntries: 0 });
    log.apply(60, 100_000);
    log.restart();
    log.look(0);
    log.compactor.adopted();
    log.boundary = 60;
    log.apply(9, 100_000);
    assert.equal(log.look(5_000), 60);
    assert.equal(log.reads.length, 1);
  });
});
