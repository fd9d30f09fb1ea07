import { emptyBytes, utf8 } from "../../../src/lib/bytes.ts";
import { encodeConfiguration, makeEntry } from "../../../src/raft/encoding.ts";
import {
  formatConfiguration,
  formatEntries,
  formatEnvelope,
  formatLeadership,
  formatOutcome,
  formatReady,
  formatStatus,
  formatWrite,
} from "../../../src/raft/format.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { Outcome } from "../../../src/raft/ready.ts";
import { configurationOf, RaftCluster } from "../../harness/raft_cluster.ts";
import {
  appendEntries,
  conflict,
  entryAt,
  heartbeat,
  position,
} from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const envelope = (message: Message, epochs = [0, 0]) => {
  const [fromEpoch = 0, toEpoch = 0] = epochs;
  return formatEnvelope({ from: 1, to: 2, fromEpoch, toEpoch, term: 3, message });
};

describe("Format, entries and configurations", () => {
  it("a configuration by its voters, C_new first, then who does not vote", () => {
    const plain = configurationOf({ voters: [1, 2], learners: [3] });
    assert.equal(formatConfiguration(plain), "(1 2) learner=(3)");
    const joint = { ...plain, outgoing: configurationOf({ voters: [4] }).members };
    assert.equal(formatConfiguration(joint), "(1 2)&(4) learner=(3)");
  });

  it("an entry by its position and what it holds", () => {
    const data = encodeConfiguration(configurationOf({ voters: [1] }));
    const parts = { index: 1, term: 1, timeMs: 0 };
    assert.equal(
      formatEntries([
        makeEntry({ ...parts, kind: "configuration", data }),
        entryAt("2@1", "", "noop"),
        entryAt("3@1", "a b"),
      ]),
      '[1@1 (1), 2@1 noop, 3@1 "a b"]',
    );
  });

  it("data that is long, or no text, or would break the line, by its length", () => {
    const of = (data: Uint8Array) =>
      formatEntries([makeEntry({ index: 1, term: 1, kind: "command", timeMs: 0, data })]);
    assert.equal(of(utf8("x".repeat(25))), "[1@1 25 bytes]");
    assert.equal(of(new Uint8Array([0xff])), "[1@1 1 bytes]");
    assert.equal(of(utf8("a\nb")), "[1@1 3 bytes]");
  });

  it("many entries by their ends", () => {
    const many = ["1@1", "2@1", "3@1", "4@2", "5@2"].map((at) => entryAt(at));
    assert.equal(formatEntries(many), "[1@1 … 5@2]");
    assert.equal(formatEntries([]), "[]");
  });
});

describe("Format, messages", () => {
  const id = { node: 2, nonce: 9, counter: 7 };
  const configuration = {
    position: position("1@1"),
    configuration: configurationOf({ voters: [1] }),
  };
  const meta = {
    ...{ position: position("9@3"), timeMs: 0, configuration, bytes: 1, digest: emptyBytes },
  };
  const cases: readonly (readonly [Message, string])[] = [
    [{ kind: "preVote", lastLog: position("4@2") }, "PreVote term=3 lastLog=4@2"],
    [
      { kind: "preVoteReply", requestedTerm: 4, voteGranted: true },
      "PreVoteReply term=3 requestedTerm=4 granted",
    ],
    [
      { kind: "requestVote", lastLog: position("4@2"), transfer: true },
      "RequestVote term=3 lastLog=4@2 transfer",
    ],
    [
      { kind: "requestVoteReply", voteGranted: false, notMember: position("8@2") },
      "RequestVoteReply term=3 notMember=8@2",
    ],
    [
      appendEntries("4@2", ["5@3"], 4),
      'AppendEntries term=3 prevLog=4@2 [5@3 "x"] leaderCommit=4',
    ],
    [conflict("4@2", "3@1"), "AppendEntriesReply term=3 conflict=4@2 hint=3@1"],
    [heartbeat(5, 4, "4@2"), "Heartbeat term=3 round=5 leaderCommit=4 match=4@2"],
    [
      { kind: "heartbeatReply", round: 5, verifiedIndex: 4, appliedIndex: 0 },
      "HeartbeatReply term=3 round=5 verified=4",
    ],
    [{ kind: "readIndexRequest", id }, "ReadIndexRequest term=3 read=2.7"],
    [{ kind: "readIndexReply", id, index: 4 }, "ReadIndexReply term=3 read=2.7 index=4"],
    [{ kind: "timeoutNow" }, "TimeoutNow term=3"],
    [
      { kind: "installSnapshot", meta, offset: 0, data: utf8("abc"), crc32c: 0, last: true },
      "InstallSnapshot term=3 image=9@3 offset=0 3 bytes last",
    ],
    [
      { kind: "installSnapshotReply", position: position("9@3"), nextOffset: 3, refused: "busy" },
      "InstallSnapshotReply term=3 image=9@3 nextOffset=3 refused=busy",
    ],
  ];
  for (const [message, text] of cases) {
    it(message.kind, () => assert.equal(envelope(message), `n1 → n2 ${text}`));
  }

  it("epochs stand there only where a log has lost something", () => {
    assert.equal(envelope({ kind: "timeoutNow" }, [1, 0]), "n1 → n2 TimeoutNow term=3 epochs=1,0");
  });
});

describe("Format, what the core asks for and tells", () => {
  it("a write in the order of its transaction", () => {
    assert.equal(
      formatWrite({
        ...{ number: 4, hardState: { currentTerm: 2, votedFor: 1, commitIndex: 3 } },
        ...{ truncateFrom: 5, entries: [entryAt("5@2", "a")] },
      }),
      '#4: term=2 votedFor=1 truncateFrom=5 [5@2 "a"]',
    );
  });

  const outcomes: readonly (readonly [Outcome, string])[] = [
    [{ kind: "accepted", id: 3, position: position("5@2") }, "proposal 3 accepted at 5@2"],
    [
      { kind: "dropped", id: 3, reason: "notLeader", leader: 2 },
      "proposal 3 dropped: notLeader, leader n2",
    ],
    [
      { kind: "readable", id: { node: 1, nonce: 1, counter: 2 }, index: 5 },
      "read 1.2 readable at 5",
    ],
    [
      { kind: "readDropped", id: { node: 1, nonce: 1, counter: 2 }, reason: "timeout" },
      "read 1.2 dropped: timeout",
    ],
    [{ kind: "transferred", id: 4, to: 2 }, "transfer 4 done: n2 leads"],
    [{ kind: "transferFailed", id: 4, reason: "noTarget" }, "transfer 4 failed: noTarget"],
  ];
  for (const [outcome, text] of outcomes) {
    it(outcome.kind, () => assert.equal(formatOutcome(outcome), text));
  }

  it("a change of role with its reason", () => {
    const { role, term, leader, reason } = {
      ...{ role: "follower", term: 2, leader: 1, reason: "leaderFound" } as const,
    };
    assert.equal(
      formatLeadership({ role, term, leader, reason }),
      "follower of n1 in term 2 (leaderFound)",
    );
  });

  it("a status in one line, a ready in one line", () => {
    const cluster = new RaftCluster({ voters: [1, 2] });
    assert.equal(
      formatStatus(cluster.status(1)),
      "follower term=1 commit=1 applied=1 stable=1 last=1 configuration=1@1 (1 2)",
    );
    const { core } = cluster.node(1);
    core.step({ kind: "tick" }, 1000);
    core.step({ kind: "propose", id: 1, data: utf8("a") }, 1000);
    assert.equal(
      formatReady(core.ready({ write: true, applyBytesMax: 1 })!),
      "n1 → n2 PreVote term=1 lastLog=1@1; proposal 1 dropped: notLeader; " +
        "precandidate in term 1 (electionTimeout)",
    );
  });
});
