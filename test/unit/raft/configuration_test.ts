import {
  allMembers,
  ConfigurationHistory,
  finishChange,
  isJoint,
  isVoter,
  memberOf,
  startChange,
  voterSets,
  wasRemoved,
} from "../../../src/raft/configuration.ts";
import type { Configuration, PositionedConfiguration } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

const three = configurationOf({ voters: [1, 2, 3], learners: [4] });

function change(
  voters: readonly number[],
  learners: readonly number[] = [],
): Configuration | undefined {
  return startChange(three, { members: configurationOf({ voters, learners }).members });
}

describe("Configuration, changes", () => {
  it("a change of voters begins joint: C_new beside C_old", () => {
    const next = change([1, 2, 5], [4])!;
    assert.equal(isJoint(next), true);
    assert.deepEqual(voterSets(next), [[1, 2, 5], [1, 2, 3]]);
    assert.deepEqual(allMembers(next).map(({ id }) => id), [1, 2, 4, 5, 3]);
    assert.equal(next.nodeIdMax, 5);
  });

  it("and ends with C_new alone", () => {
    const final = finishChange(change([1, 2, 5], [4])!);
    assert.deepEqual(voterSets(final), [[1, 2, 5]]);
    assert.equal(final.nodeIdMax, 5);
    assert.equal(memberOf(final, 3), undefined);
  });

  it("promoting and demoting are changes of voters", () => {
    assert.equal(isJoint(change([1, 2, 3, 4])!), true);
    assert.equal(isJoint(change([1, 2], [3, 4])!), true);
  });

  it("learners and addresses change in one entry", () => {
    assert.equal(isJoint(change([1, 2, 3])!), false);
    assert.equal(isJoint(change([1, 2, 3], [4, 5])!), false);
    const addresses = { rpc: "a:1", http: "http://a:2" };
    const members = three.members.map((member) => ({ ...member, addresses }));
    assert.deepEqual(startChange(three, { members }), { members, nodeIdMax: 4 });
  });

  it("sorts the members, so that equal wishes give equal bytes", () => {
    const members = [...configurationOf({ voters: [1, 2, 3, 7], learners: [4] }).members].reverse();
    assert.deepEqual(startChange(three, { members })?.members.map(({ id }) => id), [1, 2, 3, 4, 7]);
  });

  it("needs a voter", () => {
    assert.equal(change([], [1, 2, 3]), undefined);
  });

  it("takes no id that ever was in use, no id twice, and no other incarnation", () => {
    const removed = finishChange(change([1, 2])!);
    assert.equal(removed.nodeIdMax, 4);
    const again = configurationOf({ voters: [1, 2, 3] });
    assert.equal(startChange(removed, again), undefined);
    const [first] = three.members;
    assert.equal(startChange(three, { members: [...three.members, first!] }), undefined);
    const other = { ...first!, incarnation: "00000000000000ff" };
    assert.equal(startChange(three, { members: [other, ...three.members.slice(1)] }), undefined);
  });

  for (const id of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
    it(`takes no id ${id}`, () => assert.equal(change([1, 2, 3, id]), undefined));
  }

  it("whoever is not listed and not above nodeIdMax was removed", () => {
    const removed = finishChange(change([1, 2])!);
    assert.deepEqual([1, 3, 4, 5].map((id) => wasRemoved(removed, id)), [
      false,
      true,
      true,
      false,
    ]);
    assert.equal(wasRemoved(change([1, 2])!, 3), false, "not while C_old counts");
  });

  it("a voter of either set is a voter, a learner is none", () => {
    const joint = change([1, 2, 5], [4])!;
    assert.deepEqual([1, 3, 4, 5, 6].map((id) => isVoter(joint, id)), [
      true,
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("ConfigurationHistory", () => {
  const at = (index: number): PositionedConfiguration => ({
    position: { index, term: 1 },
    configuration: configurationOf({ voters: [index] }),
  });
  const history = (): ConfigurationHistory => {
    const made = new ConfigurationHistory([at(1), at(4)]);
    made.append(at(7));
    return made;
  };

  it("the latest is in effect, the one at an index was", () => {
    assert.deepEqual(history().latest(), at(7));
    for (const [index, wanted] of [[1, 1], [3, 1], [4, 4], [6, 4], [7, 7], [99, 7]] as const) {
      assert.deepEqual(history().at(index), at(wanted), `at ${index}`);
    }
  });

  it("rolls back with the log, but never the base", () => {
    const made = history();
    made.truncateFrom(8);
    assert.deepEqual(made.latest(), at(7));
    made.truncateFrom(7);
    assert.deepEqual(made.latest(), at(4));
    made.truncateFrom(1);
    assert.deepEqual(made.latest(), at(1));
  });

  it("keeps the one in force at the boundary as its base", () => {
    const made = history();
    made.compactTo(5);
    assert.deepEqual(made.at(5), at(4));
    made.truncateFrom(6);
    assert.deepEqual(made.latest(), at(4));
    made.reset(at(9));
    assert.deepEqual([made.latest(), made.at(1)], [at(9), at(9)]);
  });

  it("rises strictly, and is never empty", () => {
    assert.throws(() => history().append(at(7)), /not above/);
    assert.throws(() => new ConfigurationHistory([]), /base/);
  });
});
