import { utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { encodeConfiguration, makeEntry } from "../../../src/raft/encoding.ts";
import { entryBytes, RaftLog } from "../../../src/raft/log.ts";
import type { Entry, Index, LogPosition, Term } from "../../../src/raft/types.ts";
import { originPosition } from "../../../src/raft/types.ts";
import { configurationOf, firstEntry } from "../../harness/raft_cluster.ts";
import { RaftDisk } from "../../harness/raft_disk.ts";
import { entryAt, position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const first = configurationOf({ voters: [1, 2, 3] });

/** A log that a disk holds durably, `1@1` being the first configuration. */
function logOf(positions: readonly string[], options: LogOptions = {}): RaftLog {
  return logOnDisk(positions, options).log;
}

interface LogOptions {
  readonly commitIndex?: Index;
  readonly applied?: Index;
  readonly cacheBytesMax?: number;
}

function logOnDisk(
  positions: readonly string[],
  options: LogOptions,
): { readonly log: RaftLog; readonly disk: RaftDisk } {
  const entries = [firstEntry(first), ...positions.slice(1).map((at) => entryAt(at))];
  const hardState = { currentTerm: 9, commitIndex: options.commitIndex ?? 1 };
  const disk = new RaftDisk(first, entries, hardState);
  const { boundary, configurations, batchNumber } = disk;
  const index = options.applied ?? 0;
  const applied = index === 0 ? originPosition : position(positions[index - 1]!);
  const identity = { nodeId: 1, incarnation: "", logEpoch: 0, nonce: 1 };
  const log = new RaftLog(
    {
      ...{ identity, hardState, boundary, configurations, batchNumber, applied },
      recovering: false,
    },
    disk,
    options.cacheBytesMax ?? 1_000_000,
  );
  return { log, disk };
}

/** Every position of the log. */
function positionsOf(log: RaftLog): readonly string[] {
  return Array.from({ length: log.lastIndex }, (_, at) => `${at + 1}@${log.term(at + 1)}`);
}

describe("RaftLog, appending", () => {
  it("a leader's entry follows the last one, and is not stable", () => {
    const log = logOf(["1@1", "2@2"]);
    const parts = { term: 3, kind: "command", timeMs: 5, data: utf8("a") } as const;
    const entry = log.append(parts);
    assert.deepEqual(entry, makeEntry({ ...parts, index: 3 }));
    assert.deepEqual([log.last, log.stableIndex], [position("3@3"), 2]);
  });

  it("a follower keeps what it has, and replaces from the first real conflict on", () => {
    const log = logOf(["1@1", "2@2", "3@2"]);
    assert.equal(log.appendFrom([entryAt("2@2"), entryAt("3@2")]), undefined);
    assert.equal(log.appendFrom([entryAt("3@2"), entryAt("4@2")]), undefined);
    assert.deepEqual(positionsOf(log), ["1@1", "2@2", "3@2", "4@2"]);
    assert.equal(log.appendFrom([entryAt("2@2"), entryAt("3@3")]), 3);
    assert.deepEqual(positionsOf(log), ["1@1", "2@2", "3@3"]);
    assert.equal(log.stableIndex, 2);
  });

  it("never truncates what is committed", () => {
    const log = logOf(["1@1", "2@2", "3@2"], { commitIndex: 2 });
    assert.throws(() => log.appendFrom([entryAt("2@3")]), /contradicts entry 2/);
    assert.equal(log.appendFrom([entryAt("3@3")]), 3);
  });

  it("leaves no gap", () => {
    assert.throws(() => logOf(["1@1"]).appendFrom([entryAt("3@2")]), /gap/);
  });

  it("follows configurations, and takes them back with the entries", () => {
    const log = logOf(["1@1"]);
    const data = encodeConfiguration(configurationOf({ voters: [1, 2] }));
    log.append({ term: 2, kind: "configuration", timeMs: 0, data });
    assert.deepEqual(log.configurations.latest().position, position("2@2"));
    log.appendFrom([entryAt("2@3")]);
    assert.deepEqual(log.configurations.latest().position, position("1@1"));
  });

  it("knows the cluster time of its last entry", () => {
    const log = logOf(["1@1"]);
    assert.equal(log.lastTimeMs(), 0);
    log.append({ term: 2, kind: "noop", timeMs: 77, data: utf8("") });
    assert.equal(log.lastTimeMs(), 77);
  });
});

describe("RaftLog, what is known of a place", () => {
  it("the term at every index it holds, and none outside", () => {
    const log = logOf(["1@1", "2@2"]);
    assert.deepEqual([0, 1, 2, 3].map((index) => log.term(index)), [0, 1, 2, undefined]);
    assert.equal(log.matches(position("2@2")), true);
    assert.equal(log.matches(position("2@1")), false);
    assert.equal(log.matches(position("3@2")), false);
    assert.equal(log.matches(originPosition), true);
  });

  for (
    const [theirs, upToDate] of [["2@2", true], ["3@1", false], ["1@3", true], [
      "1@2",
      false,
    ]] as const
  ) {
    it(`a log that ends at ${theirs} is ${upToDate ? "" : "not "}up to date with 1@1 2@2`, () => {
      assert.equal(logOf(["1@1", "2@2"]).isUpToDate(position(theirs)), upToDate);
    });
  }
});

describe("RaftLog, conflict hints", () => {
  it("the follower names its last position that could match", () => {
    const log = logOf(["1@1", "2@2", "3@2", "4@5", "5@5"]);
    assert.deepEqual(log.conflictHint(position("9@6")), position("5@5"));
    assert.deepEqual(log.conflictHint(position("9@4")), position("3@2"));
    assert.deepEqual(log.conflictHint(position("4@3")), position("3@2"));
    assert.deepEqual(log.conflictHint(position("5@1")), position("1@1"));
  });

  it("and never goes below what is committed", () => {
    const log = logOf(["1@1", "2@2", "3@2", "4@5"], { commitIndex: 3 });
    assert.deepEqual(log.conflictHint(position("9@1")), position("3@2"));
  });

  it("the leader goes on at its last index that could match the hint", () => {
    const log = logOf(["1@1", "2@3", "3@3", "4@6"]);
    for (const [hint, wanted] of [["9@7", 4], ["9@5", 3], ["3@2", 1], ["4@6", 4]] as const) {
      assert.equal(log.lastIndexLike(position(hint)), wanted, hint);
    }
  });

  it("k divergent terms cost at most k + 2 rounds, for any two logs", () => {
    const prng = new Prng(5);
    for (let run = 0; run < 2000; run++) {
      const shared = prng.below(5);
      const leader = logOf(diverging(prng, shared));
      const follower = logOf(diverging(prng, shared));
      const terms = new Set(positionsOf(follower).slice(shared + 1).map((at) => at.split("@")[1]));
      let prev: LogPosition = leader.last;
      let rounds = 1;
      while (!follower.matches(prev)) {
        const hint = follower.conflictHint(prev);
        const next = leader.lastIndexLike(hint);
        assert.ok(next < prev.index, "every round goes back");
        prev = leader.positionAt(next);
        rounds++;
      }
      assert.ok(rounds <= terms.size + 2, `${rounds} rounds for ${terms.size} terms`);
    }
  });
});

/** `1@1`, `shared` entries that every log of this call has, then some with random rising terms. */
function diverging(prng: Prng, shared: number): readonly string[] {
  const positions = ["1@1"];
  for (let index = 2; index <= shared + 1; index++) positions.push(`${index}@1`);
  let term = 1;
  for (let left = prng.below(12); left > 0; left--) {
    term += prng.below(3);
    // Even terms here, so that the two logs share some of them, not all.
    positions.push(`${positions.length + 1}@${Math.max(2, term)}`);
  }
  return positions;
}

describe("RaftLog, commit and apply", () => {
  it("the commit index rises only, and not beyond the end", () => {
    const log = logOf(["1@1", "2@2", "3@2"]);
    log.commitTo(2);
    log.commitTo(1);
    assert.equal(log.commitIndex, 2);
    assert.throws(() => log.commitTo(4), /behind the end/);
  });

  it("hands out what is committed and durable, in pages, once", () => {
    const log = logOf(["1@1", "2@2", "3@2"], { commitIndex: 3, applied: 1 });
    const pages = [log.takeCommitted(1), log.takeCommitted(1), log.takeCommitted(1)];
    assert.deepEqual(pages.map((page) => page.map(({ index }) => index)), [[2], [3], []]);
  });

  it("hands out nothing that is committed and not durable yet", () => {
    const log = logOf(["1@1"], { applied: 1 });
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    log.commitTo(3);
    assert.deepEqual(log.takeCommitted(1000), []);
    assert.equal(log.hasUnapplied(), false);
    log.stableTo(position("2@2"));
    assert.equal(log.hasUnapplied(), true);
    assert.deepEqual(log.takeCommitted(1000).map(({ index }) => index), [2]);
  });

  it("keeps no more in memory than its cache holds while nothing is applied", () => {
    const { log, disk } = logOnDisk(["1@1"], { applied: 1, cacheBytesMax: 2_000 });
    for (let index = 2; index <= 100; index++) {
      const entry = entryAt(`${index}@2`, "v".repeat(100));
      log.appendFrom([entry]);
      disk.entriesHeld.push(entry);
      log.commitTo(index);
      log.stableTo(position(`${index}@2`));
    }
    const held = log.unwritten(0).map(entryBytes).reduce((sum, bytes) => sum + bytes);
    assert.ok(held <= 2_000, `${held} bytes`);
    const page = log.takeCommitted(1_000_000);
    assert.deepEqual([page[0]?.index, page.length > 80], [2, true], "read back");
  });

  it("applied stays between what was applied and what was handed out", () => {
    const log = logOf(["1@1", "2@2", "3@2"], { commitIndex: 3, applied: 2 });
    assert.throws(() => log.appliedTo(position("1@1")), /Applied 1 is not in 2/);
    assert.throws(() => log.appliedTo(position("3@2")), /Applied 3 is not in 2/);
    log.takeCommitted(1000);
    log.appliedTo(position("3@2"));
    assert.equal(log.applied, 3);
  });

  it("starts at max(stored, boundary, applied), and not without the entries", () => {
    assert.equal(logOf(["1@1", "2@2", "3@2"], { commitIndex: 2, applied: 3 }).commitIndex, 3);
    assert.throws(() => logOf(["1@1"], { commitIndex: 2 }), /commitIndex 2 is above/);
  });
});

describe("RaftLog, durability (ABA)", () => {
  it("a position counts only while that very entry stands there", () => {
    const log = logOf(["1@1"]);
    log.appendFrom([entryAt("2@2"), entryAt("3@2")]);
    log.appendFrom([entryAt("2@3")]);
    log.stableTo(position("3@2"));
    log.stableTo(position("2@2"));
    assert.equal(log.stableIndex, 1);
    log.stableTo(position("2@3"));
    assert.equal(log.stableIndex, 2);
  });

  it("a truncation lowers the stable index at once", () => {
    const log = logOf(["1@1", "2@2", "3@2"]);
    log.appendFrom([entryAt("2@4")]);
    assert.equal(log.stableIndex, 1);
  });
});

describe("RaftLog, compaction", () => {
  const compacted = (): RaftLog => {
    const log = logOf(["1@1", "2@2", "3@2", "4@3"], { commitIndex: 3, applied: 1 });
    log.takeCommitted(1000);
    log.appliedTo(position("3@2"));
    log.compactTo(position("3@2"));
    return log;
  };

  it("keeps position, time and configuration of the boundary", () => {
    const { boundary } = compacted();
    assert.deepEqual(boundary.position, position("3@2"));
    assert.deepEqual(boundary.configuration.position, position("1@1"));
  });

  it("knows the term at the boundary, and nothing below it", () => {
    const log = compacted();
    assert.deepEqual([2, 3, 4].map((index) => log.term(index)), [undefined, 2, 3]);
    assert.equal(log.entries({ from: 3, to: 4, bytesMax: 1 }), undefined);
    assert.deepEqual(log.entries({ from: 4, to: 4, bytesMax: 1 })?.length, 1);
  });

  it("goes up only, and not beyond what is applied", () => {
    const log = compacted();
    assert.equal(log.compactTo(position("2@2")), undefined);
    assert.throws(() => log.compactTo(position("4@3")), /above applied/);
  });

  it("a leader whose hint lies below its boundary says so by an index below it", () => {
    assert.equal(compacted().lastIndexLike(position("2@1")), 2);
  });
});

// ---- Against a naive model ----

interface Model {
  readonly entries: Entry[];
  commit: Index;
  stable: Index;
}

/** Random operations on a log whose cache holds almost nothing, so that it reads from the disk. */
describe("RaftLog, random operations against an array", () => {
  for (const cacheBytesMax of [0, 300, 1_000_000]) {
    it(`cache of ${cacheBytesMax} bytes`, () => {
      for (let seed = 0; seed < 150; seed++) runAgainstModel(seed, cacheBytesMax);
    });
  }
});

function runAgainstModel(seed: number, cacheBytesMax: number): void {
  const prng = new Prng(seed);
  const disk = new RaftDisk(first, [firstEntry(first)], { currentTerm: 1, commitIndex: 1 });
  const { boundary, configurations, batchNumber, hardState } = disk;
  const identity = { nodeId: 1, incarnation: "", logEpoch: 0, nonce: 1 };
  const restored = {
    ...{ identity, hardState, boundary, configurations, batchNumber },
    ...{ applied: originPosition, recovering: false },
  };
  const log = new RaftLog(restored, disk, cacheBytesMax);
  const model: Model = { entries: [firstEntry(first)], commit: 1, stable: 1 };
  let term: Term = 1;
  for (let step = 0; step < 120; step++) {
    const kind = prng.below(10);
    if (kind < 4) appendRandom(prng, log, model, disk, term += prng.below(2));
    else if (kind < 6) makeStable(prng, log, model, disk);
    else if (kind < 8) {
      model.commit = Math.max(model.commit, prng.below(model.entries.length + 1));
      log.commitTo(model.commit);
    } else {
      const page = log.takeCommitted(prng.below(300));
      const last = page.at(-1);
      if (last !== undefined) log.appliedTo({ index: last.index, term: last.term });
      for (const entry of page) assert.deepEqual(entry, model.entries[entry.index - 1]);
    }
    compare(prng, log, model);
  }
}

/** A leader of `term` sends some entries behind a place that matches, conflicting or not. */
function appendRandom(prng: Prng, log: RaftLog, model: Model, disk: RaftDisk, term: Term): void {
  const { entries } = model;
  const from = model.commit + prng.below(entries.length - model.commit + 1) + 1;
  const sent: Entry[] = [];
  const keeps = prng.chance(1, 2);
  for (let index = from, left = prng.below(5); left > 0; index++, left--) {
    const held = entries[index - 1];
    const same = keeps && held !== undefined && sent.every((each) => entries.includes(each));
    sent.push(same ? held : entryAt(`${index}@${term}`, `${term}.${index}`));
  }
  const conflictAt = sent.findIndex((entry) => entries[entry.index - 1]?.term !== entry.term);
  const truncates = log.appendFrom(sent);
  if (conflictAt < 0) return assert.equal(truncates, undefined);
  const at = sent[conflictAt]!.index;
  const expected = at <= entries.length ? at : undefined;
  assert.equal(truncates, expected);
  entries.splice(at - 1, Infinity, ...sent.slice(conflictAt));
  model.stable = Math.min(model.stable, at - 1);
  if (truncates !== undefined) disk.entriesHeld.length = Math.min(disk.lastIndex(), truncates - 1);
}

/** The disk gets everything up to some index, and the core hears of it. */
function makeStable(prng: Prng, log: RaftLog, model: Model, disk: RaftDisk): void {
  const to = model.stable + prng.below(model.entries.length - model.stable + 1);
  if (to === model.stable) return;
  disk.entriesHeld.push(...model.entries.slice(disk.lastIndex(), to));
  log.stableTo(log.positionAt(to));
  model.stable = to;
}

function compare(prng: Prng, log: RaftLog, { entries, commit, stable }: Model): void {
  assert.deepEqual([log.lastIndex, log.commitIndex, log.stableIndex], [
    entries.length,
    commit,
    stable,
  ]);
  const from = 1 + prng.below(entries.length);
  assert.equal(log.term(from), entries[from - 1]!.term);
  const read = log.entries({ from, to: entries.length, bytesMax: prng.below(500) })!;
  assert.ok(read.length >= 1);
  assert.deepEqual(read, entries.slice(from - 1, from - 1 + read.length));
  const { index } = log.last;
  assert.deepEqual(log.unwritten(stable), entries.slice(stable, index));
}
