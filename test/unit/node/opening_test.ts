/** From what lies on disk to a state that may start, with a crash at each boundary. */

import { firstWrite } from "../../../src/node/birth.ts";
import { IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import { open, type Opening } from "../../../src/node/opening.ts";
import type { Identity, IdentityStore, StorageEngine } from "../../../src/node/ports.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import { type LogPosition, originPosition, type SnapshotMeta } from "../../../src/raft/types.ts";
import { MemoryDisk, MemoryEngine } from "../../../src/storage/memory/memory_engine.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const birth = configurationOf({ voters: [1, 2, 3] });
const newborn: Identity = {
  ...{ clusterId: "c", nodeId: 2, incarnation: "0000000000000002" },
  ...{ starts: 3, logEpoch: 1, recovering: false },
};

function imageOf(at: string): SnapshotMeta {
  const configuration = { position: originPosition, configuration: birth };
  return { position: position(at), timeMs: 0, configuration, bytes: 1, digest: new Uint8Array(32) };
}

/** A directory, with what happens to it in order; `crashAt` is the step that does not happen. */
class Directory {
  readonly disk = new MemoryDisk();
  readonly kept = new MemoryIdentity();
  readonly steps: string[] = [];
  applied: LogPosition = originPosition;
  staged: SnapshotMeta | undefined;
  #crashAt = Infinity;

  constructor(identity: Identity, writes: readonly LogWrite[] = []) {
    this.kept.save(identity, () => {});
    for (const write of writes) this.disk.write(write, () => {});
  }

  /** Opens it; undefined when it crashed. */
  open(crashAt = Infinity): Opening | undefined {
    this.#crashAt = crashAt;
    this.steps.length = 0;
    const engine = new MemoryEngine(this.disk, new ManualClock());
    let opened: Opening | undefined;
    try {
      open({
        keeper: new IdentityKeeper(this.#identities(), this.kept.load()!),
        storage: this.#watched(engine),
        machine: {
          applied: () => ({
            position: this.applied,
            configuration: { position: originPosition, configuration: birth },
          }),
          staged: () => this.staged,
          stage: ({ position: { index } }) => {
            const abort = () => this.#step(`drop image ${index}`, () => this.staged = undefined);
            return { offset: 0, write: () => {}, ready: () => {}, finish: () => {}, abort };
          },
          adopt: () => this.#step("adopt", () => {}),
        },
        nonce: 9,
      }, (result) => opened = result);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    return opened;
  }

  #identities(): IdentityStore {
    return {
      load: () => this.kept.load(),
      save: (identity, done) => {
        const { logEpoch, recovering } = identity;
        const what = recovering ? `epoch ${logEpoch}` : "birth";
        this.#step(`save ${what}`, () => this.kept.save(identity, () => {}));
        done();
      },
    };
  }

  #watched(engine: MemoryEngine): StorageEngine {
    return {
      writesAreDurable: true,
      log: engine.log,
      stored: () => engine.stored(),
      space: () => engine.space(),
      close: () => engine.close(),
      persist: () => assert.fail("An opening writes nothing to the log"),
      discard: (from, hardState) =>
        this.#step(`discard ${from}`, () => engine.discard(from, hardState)),
    };
  }

  #step(what: string, run: () => void): void {
    if (this.steps.length === this.#crashAt) throw new Crash();
    run();
    this.steps.push(what);
  }
}

class Crash extends Error {}

/** The first write and entries 2 … 5 of term 2, each in a write of its own. */
function history(): readonly LogWrite[] {
  const writes: LogWrite[] = [firstWrite(birth)];
  for (let index = 2; index <= 5; index++) {
    const hardState = { currentTerm: 2, votedFor: 1, commitIndex: index - 1 };
    const data = new Uint8Array(3);
    const entry = makeEntry({ index, term: 2, kind: "command", timeMs: 0, data });
    writes.push({ number: index, hardState, entries: [entry] });
  }
  return writes;
}

function ready(opening: Opening | undefined): Opening & { readonly kind: "ready" } {
  assert.ok(opening?.kind === "ready", opening?.kind);
  return opening;
}

describe("Opening a directory without a log", () => {
  it("finds it unborn", () => {
    const directory = new Directory(newborn);
    assert.deepEqual(directory.open(), { kind: "unborn" });
    assert.deepEqual(directory.steps, []);
  });

  it("refuses it when the cluster has turned it away", () => {
    const directory = new Directory({ ...newborn, refused: "it is a copy" });
    assert.deepEqual(directory.open(), { kind: "refused", reason: "it is a copy" });
  });

  it("refuses it when something tells of another life, as often as it is opened", () => {
    const emptied = new Directory(newborn, history());
    emptied.disk.loseLog();
    const ahead = new Directory(newborn);
    ahead.applied = position("7@3");
    const cases = [
      [emptied, /^the log is empty, but raft\.mark tells of writes; start in an empty directory/],
      [ahead, /^the log is empty, but the store has applied 7 entries; start in an empty/],
    ] as const;
    for (const [directory, reason] of cases) {
      for (let time = 0; time < 2; time++) {
        const opening = directory.open();
        assert.match(opening?.kind === "refused" ? opening.reason : "", reason);
      }
      assert.deepEqual(directory.steps, []);
    }
  });

  it("recovers it when there was a birth: then the log is lost", () => {
    const directory = new Directory({ ...newborn, birth }, history());
    directory.disk.loseLog();
    const { restored, lost } = ready(directory.open());
    const identity = directory.kept.load()!;
    assert.equal(restored.hardState.currentTerm, 2, "the mark tells it");
    assert.match(lost ?? "", /raft\.db is empty/);
    assert.deepEqual([restored.recovering, restored.identity.logEpoch], [true, 2]);
    assert.deepEqual([identity.recovering, identity.logEpoch], [true, 2]);
  });
});

describe("Opening a directory with a log", () => {
  it("refuses what tells nothing of the votes that were given", () => {
    const opening = new Directory({ ...newborn, birth }).open();
    assert.match(opening?.kind === "refused" ? opening.reason : "", /put raft\.db back/);
  });

  it("forgets an image that the log has overtaken, and keeps one that may still be wanted", () => {
    const directory = new Directory({ ...newborn, birth }, history());
    directory.applied = position("3@2");
    directory.staged = imageOf("4@2");
    directory.open();
    assert.deepEqual(directory.steps, []);
    directory.staged = imageOf("3@2");
    directory.open();
    assert.deepEqual(directory.steps, ["drop image 3"]);
  });

  it("gives the core what is stored, and changes nothing", () => {
    const directory = new Directory({ ...newborn, birth }, history());
    directory.applied = position("3@2");
    const { restored, lost } = ready(directory.open());
    assert.equal(lost, undefined);
    assert.deepEqual(restored.identity, {
      ...{ nodeId: 2, incarnation: newborn.incarnation, logEpoch: 1, nonce: 9 },
    });
    assert.deepEqual(restored.hardState, { currentTerm: 2, votedFor: 1, commitIndex: 4 });
    assert.deepEqual([restored.applied, restored.batchNumber], [position("3@2"), 5]);
    assert.deepEqual([restored.recovering, directory.steps], [false, []]);
  });

  it("stays recovering until it is healed, over all starts", () => {
    const directory = new Directory(
      { ...newborn, birth, recovering: true, logEpoch: 4 },
      history(),
    );
    const { restored, lost } = ready(directory.open());
    assert.deepEqual([restored.recovering, restored.identity.logEpoch], [true, 4]);
    assert.deepEqual([lost, directory.steps], [undefined, []]);
  });

  it("finishes a birth that was written to the log and not to the identity", () => {
    const directory = new Directory(newborn, [firstWrite(birth)]);
    assert.equal(directory.open(0), undefined, "it crashed");
    assert.equal(directory.kept.load()?.birth, undefined);
    const { restored, lost } = ready(directory.open());
    assert.deepEqual(directory.steps, ["save birth"]);
    assert.deepEqual(directory.kept.load()?.birth, birth);
    assert.deepEqual([restored.hardState.commitIndex, lost], [1, undefined]);
  });

  it("refuses it when the cluster has turned it away", () => {
    const directory = new Directory({ ...newborn, birth, refused: "it is a copy" }, history());
    const opening = directory.open();
    assert.match(opening?.kind === "refused" ? opening.reason : "", /it is a copy/);
  });
});

describe("Opening a directory whose log has lost something", () => {
  function damaged(): Directory {
    const directory = new Directory({ ...newborn, birth }, history());
    directory.applied = position("3@2");
    directory.disk.damage(4);
    return directory;
  }

  it("writes the new epoch down before it discards anything", () => {
    const directory = damaged();
    const { restored, lost } = ready(directory.open());
    assert.deepEqual(directory.steps, ["save epoch 2", "discard 4"]);
    assert.match(lost ?? "", /entry 4 in raft\.db is missing or damaged/);
    assert.deepEqual(restored.hardState, { currentTerm: 2, votedFor: 2, commitIndex: 3 });
    assert.equal(directory.disk.lastIndex(), 3);
    assert.deepEqual(directory.kept.load(), {
      ...{ ...newborn, birth, recovering: true, logEpoch: 2 },
    });
  });

  it("does so again when it crashed before any of its steps, and the damage is gone", () => {
    for (const crashAt of [0, 1]) {
      const directory = damaged();
      assert.equal(directory.open(crashAt), undefined, "it crashed");
      const { restored } = ready(directory.open());
      assert.deepEqual(
        [restored.recovering, restored.identity.logEpoch, directory.disk.lastIndex()],
        [true, 2 + crashAt, 3],
      );
    }
  });

  it("crashed after all steps it is as it was left: recovering, with nothing more to lose", () => {
    const directory = damaged();
    ready(directory.open());
    const { restored, lost } = ready(directory.open());
    assert.deepEqual([restored.recovering, restored.identity.logEpoch], [true, 2]);
    assert.deepEqual([directory.steps, lost], [[], undefined]);
    assert.deepEqual(restored.hardState.votedFor, 2);
  });

  it("hands the store again what it has and the log has not", () => {
    const directory = damaged();
    directory.applied = position("5@2");
    const { restored } = ready(directory.open());
    assert.deepEqual([restored.applied, restored.hardState.commitIndex], [position("3@2"), 3]);
    assert.deepEqual(restored.boundary.position, originPosition);
  });
});
