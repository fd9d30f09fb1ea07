/** The ids in the file beside those in the log. */

import { judgeNames } from "../../../src/node/named_members.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";

describe("The ids that a file names", () => {
  const three = configurationOf({ voters: [1, 2, 3] });
  const alone = configurationOf({ voters: [1] });

  it("say nothing where they are the members, or where there are none but the own one", () => {
    assert.equal(judgeNames({ self: 2, named: [1, 2, 3] }, three), undefined);
    assert.equal(judgeNames({ self: 1, named: [1] }, three), undefined);
    assert.equal(judgeNames({ self: 1, named: [1] }, alone), undefined);
    const lost = { members: [], nodeIdMax: 0 };
    assert.equal(judgeNames({ self: 1, named: [1, 2] }, lost), undefined);
  });

  it("are told with the members where the cluster may have changed since", () => {
    const sets = [
      ["1, 2", "1, 2, 3", { self: 1, named: [1, 2] }, three],
      // This node may have been away when node 4 was added.
      ["1, 2, 3, 4", "1, 2, 3", { self: 1, named: [1, 2, 3, 4] }, three],
      // Removed.
      ["1, 2", "1", { self: 1, named: [1, 2] }, { ...alone, nodeIdMax: 3 }],
      // A learner may be behind the voter.
      ["2, 3", "1, 2", { self: 2, named: [2, 3] }, configurationOf({ voters: [1], learners: [2] })],
      ["1, 2", "1, 2, 3", { self: 1, named: [1, 2] }, {
        ...alone,
        nodeIdMax: 3,
        outgoing: three.members,
      }],
    ] as const;
    for (const [named, members, file, configuration] of sets) {
      assert.deepEqual(judgeNames(file, configuration), {
        kind: "told",
        text: `The configuration names the nodes ${named}, and the members of the cluster are ` +
          `${members}, whatever it names`,
      });
    }
  });

  it("are refused where the cluster never had them and its only voter would go on alone", () => {
    assert.deepEqual(judgeNames({ self: 1, named: [1, 2] }, alone), {
      kind: "refused",
      reason:
        "The configuration names the nodes 1, 2, and the members of the cluster are 1: take " +
        "the others out of peers, or form the larger cluster of nodes with empty directories",
    });
  });
});
