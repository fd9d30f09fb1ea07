/** Reads as a client asks for them, forwarded writes on the leader, and what stands in headers. */

import { decodeCommand, encodeOperation } from "../../../src/kv/command_encoding.ts";
import type { Answer } from "../../../src/kv/query.ts";
import type { Result } from "../../../src/kv/result.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import type { ReadOptions } from "../../../src/service/contract.ts";
import { get, put } from "../../harness/kv_commands.ts";
import { failureOf, ServedFakeNode, within, writtenBy } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill, until } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const written: Result = { kind: "put", revision: 11, create: 11, version: 1 };

function records(revision: number): Answer {
  return { kind: "records", revision, records: [undefined] };
}

/** A node whose rounds are confirmed at once and whose store stands at `served.revision`. */
function serving(leader: number | "nobody" = 1): ServedFakeNode {
  const served = new ServedFakeNode(leader);
  served.node.onRead = ({ settle }) => settle({ kind: "readable", index: 7 });
  served.node.answer = ({ revision }) =>
    revision !== undefined && revision > served.revision
      ? { kind: "future", revision: served.revision }
      : records(revision ?? served.revision);
  return served;
}

function options(more: Partial<ReadOptions> = {}): ReadOptions {
  return { ...within(60_000), level: "linearizable", ...more };
}

describe("A read at level linearizable", soon, () => {
  it("is answered from this node after a round, whoever leads", async () => {
    const served = serving(2);
    const { answer, header } = await served.kv.read(get("a"), options());
    assert.deepEqual(answer, records(10));
    assert.deepEqual(header, {
      ...{ revision: 10, servedBy: 1, leader: 2, clusterId: "c", level: "linearizable" },
    });
    assert.equal(served.node.reads.length, 1);
    assert.deepEqual(served.forwarded, []);
  });

  it("does not look at the store before the round is confirmed", async () => {
    const served = serving();
    let settle = (): void => {};
    served.node.onRead = (asked) => {
      settle = () => asked.settle({ kind: "readable", index: 7 });
    };
    let looked = 0;
    served.node.answer = () => {
      looked++;
      return records(10);
    };
    const reading = served.kv.read(get("a"), options());
    await standstill();
    assert.equal(looked, 0);
    settle();
    await reading;
    assert.equal(looked, 1);
  });

  const failures = [
    ["noLeader", "no_leader, no outcome, retryable"],
    ["timeout", "timeout, no outcome, retryable"],
    ["overloaded", "overloaded, no outcome, retryable"],
    ["closing", "draining, no outcome, retryable"],
    ["diskFull", "not_ready, no outcome, retryable"],
  ] as const;
  for (const [reason, expected] of failures) {
    it(`whose round fails as ${reason}: ${expected}`, async () => {
      const served = serving();
      served.node.onRead = ({ settle }) => settle({ kind: "failed", reason });
      assert.equal(await failureOf(served.kv.read(get("a"), options())), expected);
    });
  }

  it("names the node when the time is up: its store may be what is late", async () => {
    const served = serving();
    served.node.onRead = ({ settle }) => settle({ kind: "failed", reason: "timeout" });
    await assert.rejects(served.kv.read(get("a"), options()), {
      message: "In time no quorum confirmed the read, or node 1 has not applied what it must show",
    });
  });

  it("gives the round the time that the caller has", async () => {
    const served = serving();
    const before = served.monotonicMs;
    await served.kv.read(get("a"), options({ timeoutMs: 700 }));
    const deadlineMs = served.node.reads[0]!.deadlineMs;
    assert.ok(deadlineMs >= before + 700 && deadlineMs <= served.monotonicMs + 700);
  });
});

describe("A read at level eventual", soon, () => {
  it("asks nobody, and tells how stale it may be", async () => {
    const served = serving("nobody");
    const { header } = await served.kv.read(get("a"), options({ level: "eventual" }));
    assert.deepEqual(header, {
      ...{ revision: 10, servedBy: 1, leader: undefined, clusterId: "c", level: "eventual" },
      stalenessMs: 5,
    });
    assert.deepEqual(served.node.reads, []);
  });

  it("is refused when it may be staler than the caller bears", async () => {
    const served = serving();
    const read = (maxStalenessMs: number) =>
      served.kv.read(get("a"), options({ level: "eventual", maxStalenessMs }));
    assert.equal((await read(5)).header.stalenessMs, 5);
    assert.equal(await failureOf(read(4)), "too_stale, no outcome, retryable");
    served.node.current = { ...served.node.current, stalenessMs: Infinity };
    assert.equal(await failureOf(read(60_000)), "too_stale, no outcome, retryable");
  });

  it("waits while the node replays its log, and goes on when it is done", async () => {
    const served = serving();
    let isReplayed = false;
    served.node.answer = () => isReplayed ? records(10) : undefined;
    const reading = served.kv.read(get("a"), options({ level: "eventual", timeoutMs: 60_000 }));
    const failure = failureOf(
      served.kv.read(get("a"), options({ level: "eventual", timeoutMs: 50 })),
    );
    served.node.applied();
    assert.equal(await failure, "not_ready, no outcome, retryable");
    isReplayed = true;
    served.node.applied();
    assert.deepEqual((await reading).answer, records(10));
    assert.equal(served.node.listeners, 2, "nobody but those who listen for ever");
  });

  it("is not held back while the disk is full: other nodes can answer", async () => {
    const served = serving();
    served.node.answer = () => undefined;
    served.node.current = { ...served.node.current, storeIsWhole: false };
    await assert.rejects(
      served.kv.read(get("a"), options({ level: "eventual", timeoutMs: 60_000 })),
      { message: /^The disk of node 1 is full, / },
    );
  });

  it("is not held back when the node closes while it replays", async () => {
    const served = serving();
    served.node.answer = () => undefined;
    const read = () =>
      failureOf(served.kv.read(get("a"), options({ level: "eventual", timeoutMs: 60_000 })));
    const waiting = read();
    await standstill();
    served.close();
    assert.equal(await waiting, "draining, no outcome, retryable");
    assert.equal(await read(), "draining, no outcome, retryable");
  });

  it("waits also where the store is behind where it was", async () => {
    const served = serving();
    let answer: Answer = { kind: "future", revision: 8 };
    served.node.answer = () => answer;
    const reading = served.kv.read(get("a"), options({ level: "eventual" }));
    await standstill();
    answer = records(10);
    served.node.applied();
    assert.deepEqual((await reading).answer, answer);
  });
});

describe("A read with min_revision", soon, () => {
  for (const level of ["linearizable", "eventual"] as const) {
    it(`waits at level ${level} until this node has come to it`, async () => {
      const served = serving();
      const reading = served.kv.read(get("a"), options({ level, minRevision: 12 }));
      await standstill();
      served.revision = 11;
      served.node.applied();
      let isOver = false;
      void reading.then(() => isOver = true);
      await standstill();
      assert.equal(isOver, false);
      served.revision = 12;
      served.node.applied();
      const { header, answer } = await reading;
      assert.deepEqual([header.revision, answer], [12, records(12)]);
    });
  }

  it("does not wait for what is there", async () => {
    const served = serving();
    const { header } = await served.kv.read(get("a"), options({ minRevision: 10 }));
    assert.equal(header.revision, 10);
  });

  it("fails when the node does not come to it in time, with both revisions", async () => {
    const served = serving();
    const reading = served.kv.read(get("a"), options({ minRevision: 99, timeoutMs: 30 }));
    await assert.rejects(reading, { message: "min_revision is 99, this node has come to 10" });
    assert.equal(
      await failureOf(served.kv.read(get("a"), options({ minRevision: 99, timeoutMs: 30 }))),
      "timeout, no outcome, retryable",
    );
  });

  it("is not held back when the node closes", async () => {
    const served = serving();
    const reading = served.kv.read(get("a"), options({ minRevision: 99, timeoutMs: 60_000 }));
    const failure = failureOf(reading);
    await standstill();
    served.close();
    assert.equal(await failure, "draining, no outcome, retryable");
    const late = served.kv.read(get("a"), options({ minRevision: 99, timeoutMs: 60_000 }));
    assert.equal(await failureOf(late), "draining, no outcome, retryable");
  });
});

describe("A read of a past revision", soon, () => {
  it("that lies in the future waits for it", async () => {
    const served = serving();
    const reading = served.kv.read({ ...get("a"), revision: 11 }, options());
    await standstill();
    served.revision = 11;
    served.node.applied();
    assert.deepEqual((await reading).answer, records(11));
  });

  it("that lies in the future fails when it does not come, and names it", async () => {
    const served = serving();
    const reading = served.kv.read({ ...get("a"), revision: 11 }, options({ timeoutMs: 30 }));
    await assert.rejects(reading, { message: "revision is 11, this node has come to 10" });
  });

  it("that is compacted is the store's answer, with the store's revision", async () => {
    const served = serving();
    served.node.answer = () => ({ kind: "compacted", oldest: 5 });
    const { answer, header } = await served.kv.read({ ...get("a"), revision: 2 }, options());
    assert.deepEqual([answer, header.revision], [{ kind: "compacted", oldest: 5 }, 10]);
  });

  it("is read anew where it was not asked for, and is compacted between two keys", async () => {
    const answers: readonly Answer[] = [
      records(10),
      { kind: "compacted", oldest: 12 },
      records(12),
      records(12),
    ];
    const seen: string[] = [];
    for (const asked of [{}, { revision: 10 }]) {
      const served = serving();
      const left = [...answers];
      served.node.answer = () => left.shift();
      const keys = [utf8("a"), utf8("b")];
      const query = { kind: "get", keys, bytesMax: 9, ...asked } as const;
      const { answer, header } = await served.kv.read(query, options());
      seen.push(`${answer.kind} at ${header.revision}`);
    }
    assert.deepEqual(seen, ["records at 12", "compacted at 10"]);
  });

  it("stands in the header as the one that the answer reflects", async () => {
    const served = serving();
    const { header } = await served.kv.read({ ...get("a"), revision: 4 }, options());
    assert.equal(header.revision, 4);
  });
});

describe("A write", soon, () => {
  it("is proposed as it was asked for, with the leader's wall time", async () => {
    const served = new ServedFakeNode();
    const operation = put("a", "1");
    served.node.onPropose = ({ settle }) =>
      settle({ kind: "applied", position: { index: 9, term: 2 }, result: written });
    const { result, header } = await served.kv.write(operation, within(60_000));
    assert.deepEqual(result, written);
    assert.deepEqual(header, { revision: 11, servedBy: 1, leader: 1, clusterId: "c" });
    const command = decodeCommand(served.node.proposals[0]!.what);
    assert.ok(command.ok);
    assert.deepEqual(command.value, { wallMs: 1_700_000_000_000, operation });
  });

  it("goes to the leader as it was asked for, with the time that is left", async () => {
    const served = new ServedFakeNode(2);
    let askedMs = 0;
    served.onForward = () => {
      askedMs = served.monotonicMs;
      return writtenBy(2, written);
    };
    const operation = put("a", "1");
    const before = served.monotonicMs;
    const { header } = await served.kv.write(operation, within(700));
    assert.equal(header.forwarded, true);
    const { address, request } = served.forwarded[0]!;
    const { clusterId, from, requestId, timeoutMs, body } = request;
    assert.deepEqual([address, clusterId, from, requestId], ["n2", "c", 1, "r-1"]);
    assert.ok(timeoutMs < 701 && timeoutMs > 699 - (askedMs - before), `${timeoutMs}`);
    assert.deepEqual(body, { kind: "write", operation: encodeOperation(operation) });
  });

  it("that keeps a lease alive shares an entry with others of the same turn", async () => {
    const served = serving();
    let endTurn = (): void => {};
    served.onRest = (goOn) => endTurn = goOn;
    // Only those of about the same deadline share one.
    served.clockMs = () => 0;
    const keep = (id: string) => served.kv.write({ kind: "keepLeases", ids: [id] }, within(60_000));
    const both = [keep("1"), keep("2")];
    await standstill();
    endTurn();
    const [proposal, ...others] = served.node.proposals;
    assert.ok(proposal && others.length === 0);
    const leases = [{ id: "1", ttlMs: 9_000 }, undefined];
    const position = { index: 1, term: 1 };
    proposal.settle({ kind: "applied", position, result: { kind: "kept", revision: 3, leases } });
    const results = (await Promise.all(both)).map(({ result }) => result);
    const each = leases.map((lease) => ({ kind: "kept", revision: 3, leases: [lease] }));
    assert.deepEqual(results, each);
  });

  it("whose condition did not hold is an answer, not an error", async () => {
    const served = new ServedFakeNode(2);
    const failed: Result = { kind: "conditionFailed", revision: 10 };
    served.onForward = () => writtenBy(2, failed);
    assert.deepEqual((await served.kv.write(put("a", "1"), within(60_000))).result, failed);
  });
});

describe("A forwarded write, on the node that it came to", soon, () => {
  const operation = { kind: "write", operation: encodeOperation(put("a", "1")) } as const;

  it("is proposed where this node leads, and answered as bytes", async () => {
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) =>
      settle({ kind: "applied", position: { index: 9, term: 2 }, result: written });
    const answer = await served.kv.answerForward(operation, 500);
    assert.deepEqual({ kind: "answered", answer }, writtenBy(1, written));
  });

  it("goes no further where it does not lead", async () => {
    for (const leader of [2, "nobody"] as const) {
      const served = new ServedFakeNode(leader);
      const failure = await failureOf(served.kv.answerForward(operation, 500));
      assert.equal(failure, "leader_changed, not_applied, retryable");
      assert.deepEqual([served.node.proposals, served.forwarded], [[], []]);
    }
  });

  it("is refused with proof where the leadership was lost before it was taken", async () => {
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) => settle({ kind: "notApplied", reason: "notLeader" });
    const failure = await failureOf(served.kv.answerForward(operation, 500));
    assert.equal(failure, "leader_changed, not_applied, retryable");
    assert.equal(served.node.proposals.length, 1);
  });

  it("is unknown where the leadership was lost after that", async () => {
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) => settle({ kind: "unknown", reason: "leadershipLost" });
    const failure = await failureOf(served.kv.answerForward(operation, 500));
    assert.equal(failure, "leader_changed, unknown, final");
  });

  it("is refused where the leader has no space, and where it cannot be read", async () => {
    const served = new ServedFakeNode();
    served.outOfSpace = "3 bytes are free";
    assert.equal(
      await failureOf(served.kv.answerForward(operation, 500)),
      "out_of_space, not_applied, retryable",
    );
    const rubbish = served.kv.answerForward({ kind: "write", operation: utf8("?") }, 500);
    assert.equal(await failureOf(rubbish), "bad_request, not_applied, final");
    assert.deepEqual(served.node.proposals, []);
  });
});

describe("A store that begins with a backup", soon, () => {
  it("is neither read nor written before, and takes what restores it", async () => {
    const served = serving();
    served.awaitsRestore = "It has to be restored";
    for (const level of ["linearizable", "eventual"] as const) {
      const failure = await failureOf(served.kv.read(get("a"), options({ level })));
      assert.equal(failure, "not_ready, no outcome, retryable");
    }
    const refused = "not_ready, not_applied, retryable";
    assert.equal(await failureOf(served.kv.write(put("a", "1"), within(60_000))), refused);
    const forwarded = { kind: "write", operation: encodeOperation(put("a", "1")) } as const;
    assert.equal(await failureOf(served.kv.answerForward(forwarded, 500)), refused);
    assert.deepEqual(served.node.proposals, []);
    const commit = { kind: "commitRestore", id: "00000000000000a1" } as const;
    void served.kv.write(commit, within(60_000)).catch(() => {});
    await until(() => served.node.proposals.length === 1, { what: "the restore to be proposed" });
  });
});
