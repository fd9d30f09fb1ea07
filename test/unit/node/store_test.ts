import type { StateMachine } from "../../../src/node/ports.ts";
import { diskFullRetryMs, Store } from "../../../src/node/store.ts";
import type { LogReader } from "../../../src/raft/ports.ts";
import type { Entry, LogPosition } from "../../../src/raft/types.ts";
import { originPosition } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { entryAt, position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const log: readonly Entry[] = Array.from(
  { length: 9 },
  (_, at) => entryAt(`${at + 1}@2`, `e${at + 1}`),
);

/** Reads one or two entries at a time, as a page of storage does. */
const reader: LogReader = {
  firstIndex: () => 1,
  lastIndex: () => log.length,
  term: (index) => log[index - 1]?.term,
  entries: ({ from, to }) => log.slice(from - 1, Math.min(to, from + 1)),
};

/** Holds `room` entries beyond what it has committed, then the disk is full. */
class TestMachine {
  applied_: LogPosition = originPosition;
  room = Infinity;
  /** Kept when the disk is full. */
  committed: LogPosition = originPosition;
  readonly handedIn: number[] = [];

  applied() {
    const configuration = configurationOf({ voters: [1] });
    return { position: this.applied_, configuration: { position: originPosition, configuration } };
  }

  apply(entries: readonly Entry[]): readonly string[] | { readonly full: true } {
    this.room -= entries.length;
    if (this.room < 0) {
      this.applied_ = this.committed;
      return { full: true };
    }
    this.handedIn.push(...entries.map(({ index }) => index));
    const last = entries.at(-1)!;
    this.applied_ = { index: last.index, term: last.term };
    return entries.map(({ index }) => `r${index}`);
  }
}

function store(): {
  readonly machine: TestMachine;
  readonly store: Store<string, string, string>;
  readonly results: string[];
} {
  const machine = new TestMachine();
  const results: string[] = [];
  const unused = { read: (query: string) => `read ${query}`, staged: () => undefined };
  const whole = Object.assign(machine, unused) as unknown as StateMachine<string, string, string>;
  return {
    machine,
    store: new Store(
      { machine: whole, log: reader, reached: machine.applied_, applyBytesMax: 1_000 },
      ({ index, term }, result) => results.push(`${index}@${term} ${result}`),
    ),
    results,
  };
}

const page = (from: number, to: number): readonly Entry[] => log.slice(from - 1, to);

describe("Store", () => {
  it("hands entries in once, and each result out with its position", () => {
    const { store: made, results } = store();
    assert.equal(made.apply(page(1, 2), 0), true);
    assert.deepEqual(results, ["1@2 r1", "2@2 r2"]);
    assert.deepEqual([made.reached, made.isWhole], [position("2@2"), true]);
    assert.equal(made.read("x"), "read x");
  });

  it("on a full disk it says that it is not whole, and tries again after a rest", () => {
    const { store: made, machine, results } = store();
    made.apply(page(1, 2), 0);
    machine.committed = position("2@2");
    machine.room = 0;
    assert.equal(made.apply(page(3, 4), 1000), false);
    assert.deepEqual([made.isWhole, made.reached], [false, position("4@2")]);
    machine.room = Infinity;
    assert.equal(made.retry(1000 + diskFullRetryMs - 1), false, "it rests");
    assert.equal(made.retry(1000 + diskFullRetryMs), true);
    assert.deepEqual([made.isWhole, machine.applied_], [true, position("4@2")]);
    assert.deepEqual(results.slice(2), ["3@2 r3", "4@2 r4"]);
  });

  it("begins again where the store stands, also before what it had applied", () => {
    const { store: made, machine } = store();
    made.apply(page(1, 4), 0);
    machine.committed = position("1@2");
    machine.room = 0;
    made.apply(page(5, 6), 0);
    machine.room = Infinity;
    assert.equal(made.retry(diskFullRetryMs), false, "a page at a time");
    assert.deepEqual(machine.handedIn.slice(4), [2, 3]);
    assert.equal(made.retry(diskFullRetryMs + 1), false);
    assert.equal(made.retry(diskFullRetryMs + 2), true);
    assert.deepEqual(machine.handedIn, [1, 2, 3, 4, 2, 3, 4, 5, 6]);
  });

  it("what is committed meanwhile waits for its turn", () => {
    const { store: made, machine } = store();
    machine.room = 0;
    made.apply(page(1, 2), 0);
    machine.room = Infinity;
    assert.equal(made.apply(page(3, 5), 10), false, "not out of order");
    assert.deepEqual(machine.handedIn, []);
    assert.equal(made.retry(diskFullRetryMs), false);
    assert.deepEqual(machine.handedIn, [1, 2]);
    assert.equal(made.apply(page(6, 6), diskFullRetryMs), false, "while it catches up");
    assert.equal(made.retry(diskFullRetryMs), false);
    assert.equal(made.retry(diskFullRetryMs), true);
    assert.deepEqual(machine.handedIn, [1, 2, 3, 4, 5, 6]);
  });

  it("a disk that is full again rests again", () => {
    const { store: made, machine } = store();
    machine.room = 0;
    made.apply(page(1, 4), 0);
    machine.room = 2;
    assert.equal(made.retry(500), false);
    assert.deepEqual([made.isWhole, machine.handedIn], [false, [1, 2]]);
    machine.committed = position("2@2");
    assert.equal(made.retry(510), false);
    machine.room = Infinity;
    assert.equal(made.retry(1009), false, "it rests");
    assert.equal(made.retry(1010), true);
    assert.deepEqual(machine.handedIn, [1, 2, 3, 4]);
  });

  it("rests as long where a commit between two pages has found the disk full", () => {
    const { store: made, machine } = store();
    made.apply(page(1, 4), 0);
    machine.applied_ = position("2@2");
    assert.equal(made.retry(1000), false);
    assert.deepEqual([made.isWhole, machine.handedIn], [false, [1, 2, 3, 4]]);
    assert.equal(made.retry(1000 + diskFullRetryMs - 1), false, "it rests");
    assert.equal(made.retry(1000 + diskFullRetryMs), true);
    assert.deepEqual(machine.handedIn, [1, 2, 3, 4, 3, 4]);
  });

  it("does not go on where the image that was decided for is not there", () => {
    assert.throws(() => store().store.adopt(position("9@2")), /image of 9 .* undefined is staged/);
  });

  it("has nothing to retry while it is whole", () => {
    const { store: made } = store();
    assert.equal(made.retry(1e9), false);
  });
});
