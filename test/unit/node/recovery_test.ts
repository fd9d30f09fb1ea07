import type { Identity, StoredLog } from "../../../src/node/ports.ts";
import { decideRecovery, type Found } from "../../../src/node/recovery.ts";
import type { SnapshotMeta } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "c", nodeId: 2, incarnation: "0000000000000002" },
  ...{ starts: 3, logEpoch: 0, recovering: false },
};

const positioned = (voters: readonly number[], at = "1@1") => ({
  position: position(at),
  configuration: configurationOf({ voters }),
});

/** By index, from 1. */
const terms = [1, 1, 2, 2, 2, 2, 3, 3, 3];

/**
 * A log of 1@1 … 9@3 behind 2@1, of which 7 are committed and 6 applied, at write 20 of term 4.
 */
function found(change: {
  readonly identity?: Partial<Identity>;
  readonly stored?: Partial<StoredLog>;
  readonly lastIndex?: number;
  readonly applied?: string;
  readonly staged?: SnapshotMeta;
} = {}): Found {
  const configuration = positioned([1, 2, 3]);
  return {
    identity: { ...identity, ...change.identity },
    stored: {
      hardState: { currentTerm: 4, votedFor: 1, commitIndex: 7 },
      boundary: { position: position("2@1"), timeMs: 50, configuration },
      configurations: [configuration],
      batchNumber: 20,
      mark: { batchNumber: 20, currentTerm: 4 },
      badMeta: false,
      ...change.stored,
    },
    log: {
      lastIndex: () => change.lastIndex ?? 9,
      term: (index) => index < 2 || index > (change.lastIndex ?? 9) ? undefined : terms[index - 1],
    },
    applied: { position: position(change.applied ?? "6@2"), configuration },
    staged: change.staged,
  };
}

const meta = (at: string): SnapshotMeta => ({
  ...{ position: position(at), timeMs: 0, bytes: 1, digest: new Uint8Array(32) },
  configuration: positioned([1, 2, 3]),
});

describe("Recovery, a log that is whole", () => {
  it("starts with what is stored", () => {
    assert.deepEqual(decideRecovery(found()), {
      kind: "start",
      hardState: { currentTerm: 4, votedFor: 1, commitIndex: 7 },
    });
  });

  it("starts so that the vote of its term counts as given while it recovers", () => {
    const vote = (votedFor?: number): number | undefined => {
      const hardState = { currentTerm: 4, commitIndex: 7, ...(votedFor && { votedFor }) };
      const decided = decideRecovery(found({
        identity: { recovering: true },
        stored: { hardState },
      }));
      return decided.kind === "start" ? decided.hardState.votedFor : undefined;
    };
    assert.deepEqual([vote(), vote(1)], [2, 1]);
  });

  it("is refused to a sole voter that would have to recover: there is nobody to heal it", () => {
    const configurations = [positioned([2])];
    const decided = decideRecovery(found({
      identity: { recovering: true },
      stored: { configurations },
    }));
    assert.match(
      decided.kind === "refuse" ? decided.reason : "",
      /another node has shown a loss, .* skein recover --accept-data-loss$/,
    );
    assert.equal(decideRecovery(found({ stored: { configurations } })).kind, "start");
  });

  it("commitIndex is the highest of stored, boundary and applied", () => {
    const start = (change: Parameters<typeof found>[0]): number | undefined => {
      const decided = decideRecovery(found(change));
      return decided.kind === "start" ? decided.hardState.commitIndex : undefined;
    };
    const hardState = { currentTerm: 4, commitIndex: 1 };
    assert.equal(start({ stored: { hardState } }), 6);
    assert.equal(start({ stored: { hardState }, applied: "1@1" }), 2);
    assert.equal(start({ applied: "8@3" }), 8);
  });

  it("a mark that is behind, or missing, proves nothing: it is not synced", () => {
    const behind = { mark: { batchNumber: 19, currentTerm: 3 } };
    assert.equal(decideRecovery(found({ stored: behind })).kind, "start");
    const { mark: _, ...without } = found().stored;
    assert.equal(decideRecovery({ ...found(), stored: without }).kind, "start");
  });

  it("a store behind the boundary without a snapshot starts all the same, and needs one", () => {
    assert.equal(decideRecovery(found({ applied: "1@1" })).kind, "start");
    assert.equal(decideRecovery(found({ applied: "1@1", staged: meta("5@2") })).kind, "start");
    // One of another history, at the same index.
    assert.equal(decideRecovery(found({ applied: "1@1", staged: meta("2@2") })).kind, "start");
  });

  it("a finished snapshot at the boundary is taken over first", () => {
    const staged = meta("2@1");
    assert.deepEqual(decideRecovery(found({ applied: "1@1", staged })), { kind: "adopt" });
    assert.equal(decideRecovery(found({ applied: "2@1", staged })).kind, "start", "it is already");
  });
});

describe("Recovery, a directory that may not start", () => {
  it("one that the cluster has turned away", () => {
    const decided = decideRecovery(found({ identity: { refused: "it is a copy" } }));
    assert.equal(decided.kind, "refuse");
    assert.match(decided.kind === "refuse" ? decided.reason : "", /it is a copy/);
  });

  it("one without any configuration", () => {
    const decided = decideRecovery(found({ stored: { configurations: [] } }));
    assert.match(decided.kind === "refuse" ? decided.reason : "", /no configuration/);
  });
});

/** Every way in which a log can be found to have lost something. */
const losses: readonly (readonly [string, Parameters<typeof found>[0], RegExp])[] = [
  ["behind its mark", { stored: { mark: { batchNumber: 21, currentTerm: 6 } } }, /write 20.*21/],
  ["with a bad entry", { stored: { firstBad: 5 } }, /entry 5/],
  ["with bad metadata", { stored: { badMeta: true } }, /metadata/],
  ["that ends before what is applied", { lastIndex: 5 }, /ends at 5.*applied 6/],
  ["with another entry than was applied", { applied: "6@3" }, /entry 6 of term 2.*that of 3/],
  ["that ends before what is committed", { lastIndex: 6 }, /ends at 6.*7.*committed/],
];

describe("Recovery, a log that has lost something", () => {
  for (const [name, change, reason] of losses) {
    it(`${name}: the node recovers, and says why`, () => {
      const decided = decideRecovery(found(change));
      assert.equal(decided.kind, "recover");
      assert.match(decided.kind === "recover" ? decided.reason : "", reason);
    });

    it(`${name}: its vote of the term counts as given`, () => {
      const decided = decideRecovery(found(change));
      assert.equal(decided.kind === "recover" ? decided.hardState.votedFor : undefined, 2);
    });

    it(`${name}: a sole voter refuses, because nobody else holds what is lost`, () => {
      const configurations = [positioned([2])];
      const alone = found({ ...change, stored: { ...change?.stored, configurations } });
      const decided = decideRecovery(alone);
      assert.match(decided.kind === "refuse" ? decided.reason : "", /skein recover/);
    });
  }

  const recover = (change: Parameters<typeof found>[0]) => {
    const decided = decideRecovery(found(change));
    assert.equal(decided.kind, "recover");
    return decided.kind === "recover" ? decided : assert.fail();
  };

  it("the term is the higher one of log and mark", () => {
    const mark = { batchNumber: 21, currentTerm: 6 };
    assert.equal(recover({ stored: { mark } }).hardState.currentTerm, 6);
    assert.equal(recover({ stored: { firstBad: 8 } }).hardState.currentTerm, 4);
    assert.equal(
      recover({ stored: { firstBad: 8, mark: { batchNumber: 20, currentTerm: 3 } } }).hardState
        .currentTerm,
      4,
    );
  });

  it("without a term there is no telling which votes were given, so it refuses", () => {
    const hardState = { currentTerm: 0, commitIndex: 0 };
    const { mark: _, ...unmarked } = found({ stored: { badMeta: true, hardState } }).stored;
    const decided = decideRecovery({ ...found(), stored: unmarked });
    assert.match(decided.kind === "refuse" ? decided.reason : "", /raft\.mark .* the term/);
    assert.equal(recover({ stored: { badMeta: true, hardState } }).hardState.currentTerm, 4);
  });

  it("everything from the first bad entry on is discarded, commitIndex lowered with it", () => {
    const { discardFrom, hardState, applied } = recover({ stored: { firstBad: 7 } });
    assert.deepEqual([discardFrom, hardState.commitIndex, applied], [7, 6, position("6@2")]);
  });

  it("nothing is discarded when only the end is missing", () => {
    const mark = { batchNumber: 21, currentTerm: 6 };
    const { discardFrom, hardState, applied } = recover({ stored: { mark } });
    assert.deepEqual([discardFrom, hardState.commitIndex, applied], [
      undefined,
      7,
      position("6@2"),
    ]);
  });

  it("a store that is ahead of what is left is handed the missing entries again", () => {
    const { hardState, discardFrom, applied } = recover({ stored: { firstBad: 4 } });
    assert.deepEqual([hardState.commitIndex, discardFrom, applied], [3, 4, position("3@2")]);
    const nothing = recover({ stored: { firstBad: 3 } });
    assert.deepEqual(nothing.applied, position("2@1"), "at least what is compacted");
  });

  it("what the store has applied says nothing of a log that holds another entry there", () => {
    const hardState = { currentTerm: 4, commitIndex: 4 };
    const recovered = recover({ applied: "6@3", stored: { hardState } });
    assert.deepEqual(
      [recovered.hardState.commitIndex, recovered.discardFrom, recovered.applied],
      [4, undefined, position("4@2")],
    );
  });

  it("a sole voter of both configurations of a change is one, too", () => {
    const { configuration } = positioned([2]);
    const joint = {
      ...positioned([2]),
      configuration: { ...configuration, outgoing: configuration.members },
    };
    const decided = decideRecovery(found({ stored: { badMeta: true, configurations: [joint] } }));
    assert.equal(decided.kind, "refuse");
  });

  it("a learner, and one of two voters, are not", () => {
    for (const configurations of [[positioned([1])], [positioned([1, 2])]]) {
      const decided = decideRecovery(found({ stored: { badMeta: true, configurations } }));
      assert.equal(decided.kind, "recover");
    }
  });

  it("one that was alone is not any more, when its store knows a later configuration", () => {
    const stored = { firstBad: 8, configurations: [positioned([2])] };
    const alone = found({ stored });
    const configuration = positioned([1, 2, 3], "6@2");
    const joined = { ...alone, applied: { ...alone.applied, configuration } };
    assert.equal(decideRecovery(alone).kind, "refuse");
    assert.equal(decideRecovery(joined).kind, "recover");
  });

  it("one that was alone is not any more, when it has met members since", () => {
    const stored = { badMeta: true, configurations: [positioned([2])] };
    const peerStarts = [{ id: 1, incarnation: "0000000000000001", starts: 1, nonce: 7 }];
    assert.equal(decideRecovery(found({ stored })).kind, "refuse");
    assert.equal(decideRecovery(found({ stored, identity: { peerStarts } })).kind, "recover");
  });

  it("a snapshot that waits goes first", () => {
    const staged = meta("2@1");
    const decided = decideRecovery(found({ stored: { firstBad: 5 }, applied: "1@1", staged }));
    assert.equal(decided.kind, "adopt");
  });
});
