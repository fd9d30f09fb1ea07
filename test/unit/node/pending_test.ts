import { PendingProposals, type ProposeOutcome } from "../../../src/node/pending.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function pending(): {
  readonly proposals: PendingProposals<string>;
  readonly told: ProposeOutcome<string>[];
} {
  const told: ProposeOutcome<string>[] = [];
  const proposals = new PendingProposals<string>();
  for (const id of [1, 2]) proposals.add(id, 1000 * id, (outcome) => told.push(outcome));
  return { proposals, told };
}

describe("PendingProposals", () => {
  it("tells the result when the entry at the accepted position is applied", () => {
    const { proposals, told } = pending();
    proposals.accepted(1, position("5@2"));
    proposals.applied(position("4@2"), "other");
    assert.deepEqual(told, []);
    proposals.applied(position("5@2"), "result");
    assert.deepEqual(told, [{ kind: "applied", position: position("5@2"), result: "result" }]);
    assert.equal(proposals.size, 1);
  });

  it("tells that it is unknown when another entry was applied at that index", () => {
    const { proposals, told } = pending();
    proposals.accepted(1, position("5@2"));
    proposals.applied(position("5@3"), "of somebody else");
    assert.deepEqual(told, [{ kind: "unknown", reason: "overwritten" }]);
  });

  it("tells that it was not applied only when it was never appended", () => {
    const { proposals, told } = pending();
    proposals.dropped(1, "notLeader", 3);
    proposals.dropped(2, "overloaded", undefined);
    assert.deepEqual(told, [
      { kind: "notApplied", reason: "notLeader", leader: 3 },
      { kind: "notApplied", reason: "overloaded" },
    ]);
  });

  it("tells that it is unknown when leadership is lost after the append", () => {
    const { proposals, told } = pending();
    proposals.accepted(1, position("5@2"));
    proposals.settleAccepted("leadershipLost");
    assert.deepEqual(told, [{ kind: "unknown", reason: "leadershipLost" }]);
    proposals.applied(position("5@2"), "late");
    assert.equal(told.length, 1, "each is told once");
    assert.equal(proposals.size, 1, "the other one was not appended, and will be told so");
  });

  it("an accepted one that is late is unknown, one that is still queued is not touched", () => {
    const { proposals, told } = pending();
    proposals.accepted(1, position("5@2"));
    proposals.expire(999);
    assert.deepEqual(told, []);
    proposals.expire(5000);
    assert.deepEqual(told, [{ kind: "unknown", reason: "timeout" }]);
    assert.equal(proposals.size, 1);
  });

  it("one that was never stepped is told why, once", () => {
    const { proposals, told } = pending();
    proposals.dropped(1, "expiredInQueue");
    proposals.dropped(1, "closing");
    proposals.settleAccepted("closing");
    assert.deepEqual(told, [{ kind: "notApplied", reason: "expiredInQueue" }]);
  });

  it("a place in the log that was given twice belongs to the second", () => {
    const { proposals, told } = pending();
    proposals.accepted(1, position("5@2"));
    proposals.accepted(2, position("5@4"));
    proposals.applied(position("5@4"), "second");
    assert.deepEqual(told, [{ kind: "applied", position: position("5@4"), result: "second" }]);
  });

  it("nobody waits for what nobody here proposed", () => {
    const { proposals, told } = pending();
    proposals.accepted(9, position("5@2"));
    proposals.dropped(9, "notLeader", 1);
    proposals.applied(position("5@2"), "x");
    assert.deepEqual(told, []);
  });

  it("whoever is told may propose again at once", () => {
    const proposals = new PendingProposals<string>();
    let again = 0;
    proposals.add(1, 10, () => proposals.add(2, 99, () => again++));
    proposals.accepted(1, position("5@2"));
    proposals.expire(10);
    assert.deepEqual([proposals.size, again], [1, 0]);
  });
});
