import { emptyBytes } from "../../../src/lib/bytes.ts";
import { RaftLog } from "../../../src/raft/log.ts";
import type { Envelope } from "../../../src/raft/message.ts";
import { originPosition } from "../../../src/raft/types.ts";
import { WriteQueue } from "../../../src/raft/write_queue.ts";
import { configurationOf, firstEntry } from "../../harness/raft_cluster.ts";
import { RaftDisk } from "../../harness/raft_disk.ts";
import { entryAt, heartbeat, position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const hardState = { currentTerm: 2, commitIndex: 1 };
const first = configurationOf({ voters: [1] });

function queueOf(): { readonly log: RaftLog; readonly queue: WriteQueue } {
  const disk = new RaftDisk(first, [firstEntry(first)], { currentTerm: 1, commitIndex: 1 });
  const { boundary, configurations, batchNumber } = disk;
  const log = new RaftLog(
    {
      ...{ hardState: disk.hardState, boundary, configurations, batchNumber, recovering: false },
      ...{ identity: { nodeId: 1, incarnation: "", logEpoch: 0, nonce: 1 } },
      applied: originPosition,
    },
    disk,
    1000,
  );
  return { log, queue: new WriteQueue(log, 7) };
}

function envelope(round: number): Envelope {
  const head = { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 2 };
  return { ...head, message: heartbeat(round, 0) };
}

describe("WriteQueue", () => {
  it("has nothing to write when nothing has changed, and lets messages pass", () => {
    const { queue } = queueOf();
    assert.equal(queue.take(hardState, 0), undefined);
    assert.deepEqual(queue.hold(envelope(1)), envelope(1));
  });

  it("numbers the writes without gaps, behind the last one that storage holds", () => {
    const { queue } = queueOf();
    for (const number of [8, 9, 10]) {
      queue.markHardState();
      assert.equal(queue.take(hardState, 0)?.number, number);
    }
  });

  it("merges everything since the last write into the next one", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    queue.markHardState();
    log.appendFrom([entryAt("4@2")]);
    const write = queue.take(hardState, 0);
    assert.deepEqual(write?.entries.map(({ index }) => index), [2, 3, 4]);
    assert.deepEqual(write?.hardState, hardState);
    assert.equal(queue.take(hardState, 0), undefined);
  });

  it("writes anew what was replaced while a write was under way", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    queue.take(hardState, 0);
    queue.markTruncated(log.appendFrom([entryAt("3@3")])!);
    queue.markTruncated(log.appendFrom([entryAt("2@4")])!);
    const write = queue.take(hardState, 0);
    assert.equal(write?.truncateFrom, 2);
    assert.deepEqual(write?.entries.map(({ index, term }) => `${index}@${term}`), ["2@4"]);
  });

  it("truncates nothing on a disk that was not told of it", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    queue.markTruncated(log.appendFrom([entryAt("3@3")])!);
    const write = queue.take(hardState, 0);
    assert.equal(write?.truncateFrom, undefined);
    assert.deepEqual(write?.entries.map(({ index, term }) => `${index}@${term}`), ["2@2", "3@3"]);
  });

  it("writes an image and what was replaced behind it at once", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2")]);
    queue.take(hardState, 0);
    const meta = { ...log.boundary, position: position("9@3"), bytes: 1, digest: emptyBytes };
    log.replaceBy(meta);
    queue.markSnapshot(meta);
    log.appendFrom([entryAt("10@3"), entryAt("11@3")]);
    queue.markTruncated(log.appendFrom([entryAt("11@4")])!);
    const write = queue.take(hardState, 0);
    assert.deepEqual([write?.snapshot, write?.truncateFrom], [meta, undefined]);
    assert.deepEqual(write?.entries.map(({ index, term }) => `${index}@${term}`), ["10@3", "11@4"]);
  });

  it("holds a message until the write that covers it is durable, and all before it", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2")]);
    assert.equal(queue.hold(envelope(1)), undefined);
    queue.take(hardState, 0);
    log.appendFrom([entryAt("3@2")]);
    assert.equal(queue.hold(envelope(2)), undefined);
    queue.take(hardState, 0);
    assert.equal(queue.hold(envelope(3)), undefined, "nothing new, but a write is under way");
    assert.deepEqual(queue.persisted(8), [envelope(1)]);
    assert.deepEqual(queue.persisted(9), [envelope(2), envelope(3)]);
    assert.deepEqual(queue.hold(envelope(4)), envelope(4));
  });

  it("forgets what it held when a new term begins", () => {
    const { queue } = queueOf();
    queue.markHardState();
    queue.hold(envelope(1));
    queue.dropHeld();
    queue.take(hardState, 0);
    assert.deepEqual(queue.persisted(8), []);
  });

  it("raises the stable index to the end of the log at the time of the write", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    queue.take(hardState, 0);
    log.appendFrom([entryAt("4@2")]);
    queue.persisted(8);
    assert.equal(log.stableIndex, 3);
  });

  it("not to what was replaced meanwhile, even when the same entry came back (ABA)", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    queue.take(hardState, 0);
    for (const again of ["3@3", "3@2"]) {
      queue.markTruncated(log.appendFrom([entryAt(again)])!);
      queue.take(hardState, 0);
    }
    queue.persisted(8);
    assert.deepEqual([log.last, log.stableIndex], [position("3@2"), 2]);
    queue.persisted(9);
    assert.equal(log.stableIndex, 2);
    queue.persisted(10);
    assert.equal(log.stableIndex, 3);
  });

  it("not to what stands behind an image that came meanwhile, when it was cut off there", () => {
    const { queue, log } = queueOf();
    log.appendFrom([entryAt("2@2"), entryAt("3@2"), entryAt("4@2"), entryAt("5@2")]);
    queue.take(hardState, 0);
    const meta = { ...log.boundary, position: position("3@2"), bytes: 1, digest: emptyBytes };
    log.replaceBy(meta);
    queue.markSnapshot(meta);
    log.appendFrom([entryAt("4@3"), entryAt("5@3")]);
    queue.markTruncated(log.appendFrom([entryAt("5@4")])!);
    queue.persisted(8);
    assert.equal(log.stableIndex, 3, "entry 4 of term 3 is in no write yet");
    queue.take(hardState, 0);
    queue.persisted(9);
    assert.equal(log.stableIndex, 5);
  });

  it("tells since when the oldest write is under way", () => {
    const { queue } = queueOf();
    assert.equal(queue.oldestSinceMs, undefined);
    for (const nowMs of [100, 200]) {
      queue.markHardState();
      queue.take(hardState, nowMs);
    }
    assert.equal(queue.oldestSinceMs, 100);
    queue.persisted(8);
    assert.equal(queue.oldestSinceMs, 200);
    queue.persisted(9);
    assert.equal(queue.oldestSinceMs, undefined);
  });

  it("refuses a completion of what was never written, and one that came before", () => {
    const { queue } = queueOf();
    assert.throws(() => queue.persisted(8), /Persisted 8/);
    queue.markHardState();
    queue.take(hardState, 0);
    queue.persisted(8);
    assert.throws(() => queue.persisted(8), /Persisted 8/);
  });
});
