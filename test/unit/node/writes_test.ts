import { Writes } from "../../../src/node/writes.ts";
import type { Envelope } from "../../../src/raft/message.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import { assert, describe, it } from "../../harness/test.ts";

const entriesSent: readonly Envelope[] = [{
  ...{ from: 1, to: 2, fromEpoch: 1, toEpoch: 1, term: 1 },
  message: {
    kind: "appendEntries",
    prevLog: { index: 1, term: 1 },
    entries: [],
    leaderCommit: 1,
    attempt: 1,
  },
}];

function write(number: number): LogWrite {
  return { number, entries: [] };
}

function setUp(inflightMax: number) {
  const handed: number[] = [];
  const finish: (() => void)[] = [];
  const persisted: number[] = [];
  const failed: unknown[] = [];
  const later: (() => void)[] = [];
  const state = { running: true, broken: false };
  const writes = new Writes({
    storage: {
      persist: ({ number }, done) => {
        if (state.broken) throw new Error("the disk is gone");
        handed.push(number);
        finish.push(done);
      },
    },
    clock: { soon: (run) => later.push(run) },
    inflightMax,
    isRunning: () => state.running,
    onPersisted: (number) => persisted.push(number),
    onFailed: (error) => failed.push(error),
  });
  const turn = () => {
    for (const run of later.splice(0)) run();
  };
  return { writes, handed, finish, persisted, failed, state, turn };
}

describe("the writes under way", () => {
  it("go to storage at once where nothing was sent, after a yield where entries were", () => {
    const { writes, handed, turn } = setUp(2);
    writes.persist(write(1), []);
    assert.deepEqual(handed, [1]);
    writes.persist(write(2), entriesSent);
    assert.deepEqual(handed, [1]);
    turn();
    assert.deepEqual(handed, [1, 2]);
  });

  it("keep their order when one of them yields", () => {
    const { writes, handed, turn } = setUp(2);
    writes.persist(write(1), entriesSent);
    writes.persist(write(2), []);
    assert.deepEqual(handed, []);
    turn();
    assert.deepEqual(handed, [1, 2]);
  });

  it("count until they are durable", () => {
    const { writes, finish, persisted } = setUp(1);
    assert.ok(writes.hasRoom);
    writes.persist(write(1), []);
    assert.ok(!writes.hasRoom);
    finish[0]!();
    assert.ok(writes.hasRoom);
    assert.deepEqual(persisted, [1]);
  });

  it("stay unwritten when the node has closed meanwhile", () => {
    const { writes, handed, state, turn } = setUp(1);
    writes.persist(write(1), entriesSent);
    state.running = false;
    turn();
    assert.deepEqual(handed, []);
  });

  it("end the node when storage fails", () => {
    const { writes, failed, persisted, state } = setUp(1);
    state.broken = true;
    writes.persist(write(1), []);
    assert.equal(failed.length, 1);
    assert.deepEqual(persisted, []);
  });
});
