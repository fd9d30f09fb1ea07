/** The outcome promise, row by row: what a client is told of each thing that befalls a write. */

import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import type { ProposeOutcome } from "../../../src/node/pending.ts";
import type { Result } from "../../../src/kv/result.ts";
import type { TransferOutcome } from "../../../src/node/transfers.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import type { ForwardOutcome } from "../../../src/service/forwarder.ts";
import { put } from "../../harness/kv_commands.ts";
import {
  failureOf,
  refusedWith,
  ServedFakeNode,
  within,
  writtenBy,
} from "../../harness/served_node.ts";
import { plain } from "../../harness/plain.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

const soon = { timeout: 30_000 };
const written: Result = { kind: "put", revision: 11, create: 11, version: 1 };

describe("A write on the leader", soon, () => {
  const rows: readonly (readonly [ProposeOutcome<Result>, string])[] = [
    [{ kind: "notApplied", reason: "overloaded" }, "overloaded, not_applied, retryable"],
    [{ kind: "notApplied", reason: "tooLarge" }, "request_too_large, not_applied, final"],
    [{ kind: "notApplied", reason: "expiredInQueue" }, "timeout, not_applied, retryable"],
    [{ kind: "notApplied", reason: "closing" }, "draining, not_applied, retryable"],
    [{ kind: "unknown", reason: "timeout" }, "timeout, unknown, final"],
    [{ kind: "unknown", reason: "closing" }, "draining, unknown, final"],
    [{ kind: "unknown", reason: "leadershipLost" }, "leader_changed, unknown, final"],
    [{ kind: "unknown", reason: "overwritten" }, "leader_changed, unknown, final"],
  ];
  for (const [outcome, expected] of rows) {
    const what = outcome.kind === "applied" ? "applied" : `${outcome.kind} ${outcome.reason}`;
    it(`that is ${what}: ${expected}`, async () => {
      const served = new ServedFakeNode();
      served.node.onPropose = ({ settle }) => settle(outcome);
      assert.equal(await failureOf(served.kv.write(put("a", "1"), within(60_000))), expected);
      assert.equal(served.node.proposals.length, 1, "it is not tried again");
    });
  }

  for (const reason of ["notLeader", "transferring"] as const) {
    it(`that is notApplied ${reason} goes to the next leader`, async () => {
      const served = new ServedFakeNode();
      served.node.onPropose = ({ settle }) => {
        settle({ kind: "notApplied", reason });
        served.node.lead(3);
      };
      served.onForward = () => writtenBy(3, written);
      const { result } = await served.kv.write(put("a", "1"), within(60_000));
      assert.deepEqual(result, written);
      assert.deepEqual(served.forwarded.map(({ address }) => address), ["n3"]);
    });

    it(`that is notApplied ${reason} until its time is up was not applied`, async () => {
      const served = new ServedFakeNode();
      let tries = 0;
      served.node.onPropose = ({ settle }) => {
        settle({ kind: "notApplied", reason });
        if (++tries === 2) served.nowMs += 60_000;
      };
      const failure = await failureOf(served.kv.write(put("a", "1"), within(60_000)));
      assert.equal(failure, "leader_changed, not_applied, retryable");
      assert.equal(tries, 2, "it was tried again");
    });
  }

  it("is given the time that is left, not the whole again", async () => {
    const served = new ServedFakeNode();
    const deadlines: number[] = [];
    served.node.onPropose = ({ deadlineMs, settle }) => {
      deadlines.push(deadlineMs);
      if (deadlines.length < 3) settle({ kind: "notApplied", reason: "transferring" });
      else settle({ kind: "unknown", reason: "timeout" });
    };
    const before = served.monotonicMs;
    await failureOf(served.kv.write(put("a", "1"), within(60_000)));
    assert.equal(new Set(deadlines).size, 1);
    assert.ok(deadlines[0]! >= before + 60_000 && deadlines[0]! <= served.monotonicMs + 60_000);
  });
});

describe("A write on another node", soon, () => {
  const rows: readonly (readonly [string, ForwardOutcome, string])[] = [
    [
      "whose connection breaks",
      { kind: "unknown", detail: "reset" },
      "leader_changed, unknown, final",
    ],
    [
      "that the leader knows nothing of",
      refusedWith("timeout", "unknown"),
      "timeout, unknown, final",
    ],
    [
      "of which the leader lost the leadership",
      refusedWith("leader_changed", "unknown"),
      "leader_changed, unknown, final",
    ],
    [
      "that the leader has no room for",
      refusedWith("overloaded", "not_applied", true),
      "overloaded, not_applied, retryable",
    ],
    [
      "that the leader has no space for",
      refusedWith("out_of_space", "not_applied", true),
      "out_of_space, not_applied, retryable",
    ],
    [
      "that the leader did not come to in time",
      refusedWith("timeout", "not_applied", true),
      "timeout, not_applied, retryable",
    ],
    [
      "that the leader cannot read",
      refusedWith("bad_request", "not_applied"),
      "bad_request, not_applied, final",
    ],
    [
      "that does not fit into an entry of the leader's",
      refusedWith("request_too_large", "not_applied"),
      "request_too_large, not_applied, final",
    ],
    [
      "that was under way when the leader shut down",
      refusedWith("draining", "unknown"),
      "draining, unknown, final",
    ],
    [
      "that a leader from another time names an outcome of",
      refusedWith("leader_changed", undefined),
      "leader_changed, no outcome, final",
    ],
    [
      "whose answer is not one of a write",
      { kind: "answered", answer: { kind: "transferred", leader: 3 } },
      "internal, unknown, final",
    ],
    [
      "whose answer cannot be read",
      {
        kind: "answered",
        answer: {
          kind: "written",
          result: new Uint8Array([255]),
          header: { revision: 1, servedBy: 2, leader: 2, clusterId: "c" },
        },
      },
      "internal, unknown, final",
    ],
  ];
  for (const [what, outcome, expected] of rows) {
    it(`${what}: ${expected}`, async () => {
      const served = new ServedFakeNode(2);
      served.onForward = () => outcome;
      const failure = await failureOf(served.kv.write(put("a", "1"), within(60_000)));
      assert.equal(failure, expected);
      assert.equal(served.forwarded.length, 1, "it is not tried again");
    });
  }

  it("that broke when its time was up is a timeout, and unknown", async () => {
    const served = new ServedFakeNode(2);
    served.onForward = () => {
      served.nowMs += 60_000;
      return { kind: "unknown", detail: "deadline" };
    };
    const failure = await failureOf(served.kv.write(put("a", "1"), within(60_000)));
    assert.equal(failure, "timeout, unknown, final");
  });

  for (
    const [what, proof] of [
      ["was not sent", { kind: "notSent", detail: "connection refused" }],
      ["came to who leads no more", refusedWith("leader_changed", "not_applied", true)],
      ["came to who shuts down", refusedWith("draining", "not_applied", true)],
    ] as const
  ) {
    it(`that ${what} is sent again, to whoever leads then`, async () => {
      const served = new ServedFakeNode(2);
      served.onForward = ({ address }) => {
        if (address === "n3") return writtenBy(3, written);
        served.node.lead(3);
        return proof;
      };
      const { result, header } = await served.kv.write(put("a", "1"), within(60_000));
      assert.deepEqual(result, written);
      assert.deepEqual(served.forwarded.map(({ address }) => address), ["n2", "n3"]);
      const by = { servedBy: 1, leader: 3, clusterId: "c", forwarded: true };
      assert.deepEqual(header, { revision: 11, ...by });
    });
  }

  it("that could not be sent until its time is up was not applied", async () => {
    const served = new ServedFakeNode(2);
    const failure = await failureOf(served.kv.write(put("a", "1"), within(120)));
    assert.equal(failure, "no_leader, not_applied, retryable");
  });

  it("of which nobody knows where the leader is was not applied", async () => {
    const served = new ServedFakeNode(2);
    served.known.delete(2);
    const failure = await failureOf(served.kv.write(put("a", "1"), within(60)));
    assert.equal(failure, "no_leader, not_applied, retryable");
    assert.deepEqual(served.forwarded, []);
  });

  it("waits at the door for a leader, and was not applied when none came", async () => {
    const served = new ServedFakeNode("nobody");
    const waiting = served.kv.write(put("a", "1"), within(60_000));
    const late = failureOf(served.kv.write(put("a", "1"), within(60)));
    assert.equal(await late, "no_leader, not_applied, retryable");
    served.onForward = () => writtenBy(2, written);
    served.node.lead(2);
    assert.deepEqual((await waiting).result, written);
  });

  it("is not held back when the node closes: it was not applied", async () => {
    for (const leader of ["nobody", 2] as const) {
      const served = new ServedFakeNode(leader);
      const failure = failureOf(served.kv.write(put("a", "1"), within(60_000)));
      await Promise.resolve();
      served.close();
      assert.equal(await failure, "draining, not_applied, retryable");
    }
  });
});

describe("A write at a door that is shut", soon, () => {
  it("where space runs out is refused, deletions are not", async () => {
    const served = new ServedFakeNode();
    served.outOfSpace = "3 bytes are free";
    const failure = await failureOf(served.kv.write(put("a", "1"), within(60_000)));
    assert.equal(failure, "out_of_space, not_applied, retryable");
    served.node.onPropose = ({ settle }) => {
      const result = { kind: "delete", revision: 11, deleted: 1, more: false, prev: [] } as const;
      settle({ kind: "applied", position: { index: 9, term: 2 }, result });
    };
    const target = { kind: "key", key: new Uint8Array([1]) } as const;
    const deletion = { kind: "delete", target, conditions: {}, prev: false } as const;
    assert.equal((await served.kv.write(deletion, within(60_000))).result.kind, "delete");
    assert.equal(served.node.proposals.length, 1);
  });
});

describe("A write with an idempotency key", soon, () => {
  const idempotency = { identity: "", key: "k", requestHash: new Uint8Array(32) };
  const once = { ...within(60_000), idempotency };

  it("is proposed with it", async () => {
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) =>
      settle({ kind: "applied", position: { index: 9, term: 2 }, result: written });
    await served.kv.write(put("a", "1"), once);
    const command = decodeCommand(served.node.proposals[0]!.what);
    assert.deepEqual(plain(command.ok && command.value.idempotency), plain(idempotency));
  });

  it("is handed on with it, and proposed with it where it arrives", async () => {
    const asking = new ServedFakeNode(2);
    asking.onForward = () => writtenBy(2, written);
    await asking.kv.write(put("a", "1"), once);
    const { body } = asking.forwarded[0]!.request;
    assert.ok(body.kind === "write");
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) =>
      settle({ kind: "applied", position: { index: 9, term: 2 }, result: written });
    await served.kv.answerForward(body, 500);
    const command = decodeCommand(served.node.proposals[0]!.what);
    assert.deepEqual(plain(command.ok && command.value.idempotency), plain(idempotency));
  });

  it("is worth repeating whatever became of it, and stays unknown", async () => {
    const served = new ServedFakeNode();
    served.node.onPropose = ({ settle }) => settle({ kind: "unknown", reason: "leadershipLost" });
    const failure = await failureOf(served.kv.write(put("a", "1"), once));
    assert.equal(failure, "leader_changed, unknown, retryable");
  });
});

describe("A transfer of leadership", soon, () => {
  const failed = (reason: (TransferOutcome & { readonly kind: "failed" })["reason"]) =>
    ({ kind: "failed", reason }) as const;
  const rows: readonly (readonly [TransferOutcome, number | undefined, string])[] = [
    [failed("noTarget"), undefined, "conflict, not_applied, final"],
    [failed("noTarget"), 9, "member_not_found, not_applied, final"],
    [failed("inProgress"), 2, "conflict, not_applied, retryable"],
    [failed("overloaded"), 2, "overloaded, not_applied, retryable"],
    [failed("expiredInQueue"), 2, "timeout, not_applied, retryable"],
    [failed("targetSilent"), 2, "conflict, not_applied, final"],
    [failed("targetNeedsSnapshot"), 2, "conflict, not_applied, final"],
    [failed("targetBehind"), 2, "conflict, not_applied, final"],
    // A client that repeats by itself would stop all writes, each time for an election timeout.
    [failed("timeout"), 2, "timeout, unknown, final"],
    [failed("leadershipLost"), 2, "leader_changed, unknown, final"],
    [failed("closing"), 2, "leader_changed, unknown, final"],
  ];
  for (const [outcome, target, expected] of rows) {
    const reason = outcome.kind === "failed" ? outcome.reason : "";
    it(`that fails as ${reason} with ${target ?? "no"} target: ${expected}`, async () => {
      const served = new ServedFakeNode();
      served.node.onTransfer = ({ settle }) => settle(outcome);
      const failure = await failureOf(served.cluster.transferLeadership(target, within(60_000)));
      assert.equal(failure, expected);
      assert.equal(served.node.transfers.length, 1);
    });
  }

  it("says of a member that may not lead who may, and of its target what is wrong", async () => {
    const served = new ServedFakeNode();
    const { position } = served.node.current.configuration;
    const { members, nodeIdMax } = configurationOf({ voters: [1, 2, 3], learners: [4, 5] });
    const readOnly = members.map((each) => ({
      ...each,
      suffrage: each.id === 5 ? "readOnly" as const : each.suffrage,
    }));
    const configuration = { members: readOnly, nodeIdMax };
    served.node.current = { ...served.node.current, configuration: { position, configuration } };
    const told = async (target: number, reason: Parameters<typeof failed>[0]) => {
      served.node.onTransfer = ({ settle }) => settle(failed(reason));
      const asked = served.cluster.transferLeadership(target, within(60_000));
      const error = await asked.then(() => undefined, (thrown: unknown) => thrown);
      return error instanceof ServiceError ? `${error.code}: ${error.message}` : "no error";
    };
    const allowed = "allowed are the voters 1, 2, 3";
    assert.equal(await told(4, "noTarget"), `conflict: Node 4 is a learner; ${allowed}`);
    assert.equal(await told(5, "noTarget"), `conflict: Node 5 is read-only; ${allowed}`);
    assert.equal(
      await told(9, "noTarget"),
      "member_not_found: Node 9 is no member of this cluster",
    );
    const now = "conflict: Node 3 cannot take over now";
    assert.equal(await told(3, "targetSilent"), `${now}: the leader does not hear it`);
    assert.equal(await told(3, "targetNeedsSnapshot"), `${now}: it needs an image of the store`);
    assert.equal(await told(3, "targetBehind"), `${now}: it is more than 10000 entries behind`);
  });
});
