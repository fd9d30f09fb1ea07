/** Changes of members on the node that leads: which steps it takes, and what it answers. */

import type { MembershipChange } from "../../../src/service/contract.ts";
import { changesMax } from "../../../src/service/membership_steps.ts";
import {
  add,
  commitIndex,
  dead,
  errorOf,
  LeadingNode,
  memberOf,
  newcomer,
  remove,
  replace,
  set,
  three,
} from "../../harness/leading_node.ts";
import { failureOf } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };

describe("A change of members", soon, () => {
  it("adds a learner, and answers what is then", async () => {
    const served = new LeadingNode(three);
    const { members, ...rest } = await served.change(add);
    assert.deepEqual(rest, {
      ...{ id: 4, added: true, configuration: { index: 18, joint: false } },
      ...{ quorum: 2, voters: 3, healthyVoters: 3 },
    });
    assert.deepEqual(members.map(({ id, suffrage }) => [id, suffrage]), [
      ...[[1, "voter"], [2, "voter"], [3, "voter"], [4, "learner"]],
    ]);
    assert.deepEqual(served.steps, ["1v 2v 3v 4l"]);
    assert.deepEqual(served.node.changes[0]?.what.expected, { index: 17, term: 2 });
  });

  it("that was made already is answered the same, and nothing is proposed", async () => {
    const served = new LeadingNode({ ...three, 4: "learner" });
    const { id, added } = await served.change(add);
    assert.deepEqual([id, added, served.steps], [4, false, []]);
  });

  it("promotes, demotes and removes in one step each", async () => {
    const served = new LeadingNode({ ...three, 4: "learner" });
    assert.equal((await served.change(set(4, "voter"))).quorum, 3);
    assert.equal((await served.change(set(2, "readOnly"))).quorum, 2);
    assert.equal((await served.change(remove(3))).voters, 2);
    assert.deepEqual(served.steps, ["1v 2v 3v 4v", "1v 2r 3v 4v", "1v 2r 4v"]);
  });

  it("of a dry run changes nothing, and tells what would be", async () => {
    const served = new LeadingNode(three);
    served.hears(3, dead);
    const { members, ...rest } = await served.change(remove(3), { dryRun: true });
    assert.equal(members.length, 2);
    assert.deepEqual(rest, {
      ...{ id: 3, added: false, configuration: { index: 17, joint: false } },
      ...{ quorum: 2, voters: 2, healthyVoters: 2 },
    });
    const added = await served.change(add, { dryRun: true });
    assert.deepEqual([added.id, added.added, added.members.length], [4, true, 4]);
    assert.deepEqual(served.steps, []);
  });

  it("waits for the leader's own first entry", async () => {
    const served = new LeadingNode(three);
    served.node.current = { ...served.node.current, termStart: commitIndex + 1 };
    const changing = served.change(add);
    await served.waits();
    assert.deepEqual(served.steps, []);
    served.node.current = { ...served.node.current, commitIndex: commitIndex + 1 };
    served.node.applied();
    assert.equal((await changing).id, 4);
  });

  it("waits for another one that is under way", async () => {
    const served = new LeadingNode(three);
    served.node.current = { ...served.node.current, configurationCommitted: false };
    const changing = served.change(add);
    await served.waits();
    served.force(served.config, 18);
    assert.equal((await changing).configuration.index, 19);
  });

  it("is refused where another one, joint or not committed, takes too long", async () => {
    const served = new LeadingNode(three);
    served.node.current = { ...served.node.current, configurationCommitted: false };
    const failure = await errorOf(served.change(add, {}, 100));
    assert.deepEqual([failure.code, failure.outcome, failure.retryable, failure.extra], [
      ...["membership_change_in_progress", "not_applied", true],
      { configuration: { index: 17, joint: false } },
    ]);
    served.force({ ...served.config, outgoing: served.config.members }, 18);
    const joint = await errorOf(served.change(add, {}, 100));
    assert.deepEqual(joint.extra, { configuration: { index: 18, joint: true } });
    assert.deepEqual(served.steps, []);
  });

  it("is refused where too many wait already", async () => {
    const served = new LeadingNode(three);
    served.node.current = { ...served.node.current, configurationCommitted: false };
    const waiting = Array.from({ length: changesMax }, () => served.change(add));
    await served.waits();
    const failure = await errorOf(served.change(add));
    assert.deepEqual([failure.code, failure.message, failure.outcome], [
      ...["overloaded", "32 changes of members wait on the leader, which is the limit"],
      "not_applied",
    ]);
    served.force(served.config, 18);
    for (const { id } of await Promise.all(waiting)) assert.equal(id, 4);
    assert.equal((await served.change(remove(4))).members.length, 3);
  });

  it("that another one came before is planned anew", async () => {
    const served = new LeadingNode(three);
    const takeStep = served.node.onChange;
    served.node.onChange = ({ settle }) => {
      served.node.onChange = takeStep;
      served.applied([...served.config.members, memberOf(9, "readOnly")]);
      settle({ kind: "notApplied", reason: "configurationChanged" });
    };
    assert.equal((await served.change(add)).id, 10);
    assert.deepEqual(served.steps, ["1v 2v 3v 9r 10l"]);
  });

  it("is one of the expected configuration, or none", async () => {
    const served = new LeadingNode(three);
    const failure = await errorOf(served.change(add, { expected: [3, 16] }));
    assert.equal(
      failure.message,
      "The members are those of configuration c17, If-Match wanted " +
        "c3 or c16",
    );
    assert.deepEqual([failure.code, failure.outcome, failure.extra], [
      ...["precondition_failed", "not_applied", { configuration: { index: 17, joint: false } }],
    ]);
    assert.equal((await served.change(add, { expected: [16, 17] })).id, 4);
    // Nothing is left to do, and the condition counts all the same.
    const stale = await errorOf(served.change(add, { expected: [17] }));
    assert.deepEqual([stale.code, stale.outcome], ["precondition_failed", "not_applied"]);
    assert.equal((await served.change(add, { expected: [18] })).added, false);
  });

  it("that the plan refuses has not been applied", async () => {
    const served = new LeadingNode({ 1: "voter", 2: "learner" });
    served.hears(2, { match: 10 });
    const cases: readonly (readonly [MembershipChange, string])[] = [
      [remove(9), "member_not_found, not_applied, final"],
      [remove(1), "would_lose_quorum, not_applied, final"],
      [{ ...add, member: { ...newcomer, id: 2 } }, "conflict, not_applied, final"],
      [set(2, "voter"), "conflict, not_applied, retryable"],
    ];
    for (const [change, failure] of cases) {
      assert.equal(await failureOf(served.change(change)), failure, change.kind);
      assert.equal(await failureOf(served.change(change, { dryRun: true })), failure, change.kind);
    }
  });
});

describe("The quorum", soon, () => {
  it("is never lost by removing or demoting a healthy voter beside a dead one", async () => {
    const served = new LeadingNode(three);
    served.hears(3, dead);
    for (const change of [remove(2), set(2, "learner"), remove(1)]) {
      const failure = await errorOf(served.change(change));
      assert.deepEqual([failure.code, failure.outcome, failure.extra], [
        ...["would_lose_quorum", "not_applied", { quorum: 2, voters: 2, healthy_voters: 1 }],
      ]);
      assert.equal(
        failure.message,
        "Afterwards 2 of 2 voters would have to agree, and 1 of them could now: node 3 is not " +
          "heard",
      );
    }
    assert.deepEqual([served.steps, served.node.transfers], [[], []]);
    assert.equal((await served.change(remove(3))).quorum, 2);
  });

  it("does not count on a voter that is sent all anew, and does not call it dead", async () => {
    const served = new LeadingNode({ ...three, 4: "voter" });
    served.hears(2, dead);
    served.hears(3, { match: 0, mode: "snapshot" });
    const removing = errorOf(served.change(remove(4)));
    await served.waits();
    served.below.nowMs += 61_000;
    served.hears(3, { match: 0, mode: "snapshot" });
    const failure = await removing;
    assert.match(
      failure.message,
      /1 of them could now: node 2 is not heard, node 3 has not caught/,
    );
    assert.deepEqual(failure.extra, { quorum: 2, voters: 3, healthy_voters: 2 });
    const row = served.cluster.view().members.find(({ id }) => id === 3);
    assert.deepEqual([row?.healthy, row?.role], [true, "follower"]);
  });

  it("is judged once the voters were heard, after an election", async () => {
    const served = new LeadingNode(three);
    served.hears(3, { match: 0, hasAnswered: false });
    const removing = served.change(remove(2));
    await served.waits();
    served.hears(3, {});
    assert.deepEqual((await removing).members.map(({ id }) => id), [1, 3]);
  });

  it("is judged once what came was taken, after the leader stood still", async () => {
    const served = new LeadingNode(three);
    for (const id of [2, 3]) served.hears(id, dead);
    const removing = served.change(remove(2));
    await served.waits();
    served.hears(3, {});
    assert.deepEqual((await removing).members.map(({ id }) => id), [1, 3]);
  });

  it("is judged anew after each standstill: patience is not spent by the one before", async () => {
    const served = new LeadingNode({ ...three, 5: "voter" });
    const silence = (): void => [3, 5].forEach((id) => served.hears(id, dead));
    silence();
    served.hears(6, { match: 1 });
    const replacing = served.change(replace(2), {}, 200_000);
    await served.waits();
    for (const id of [3, 5]) served.hears(id, {});
    await until(() => served.steps.length === 1, { what: "the newcomer to be taken in" });
    served.below.nowMs += 61_000;
    silence();
    const { looks } = served.node;
    await until(() => served.node.looks > looks, { what: "another look" });
    for (const id of [3, 5, 6]) served.hears(id, {});
    assert.deepEqual((await replacing).members.map(({ id }) => id), [1, 3, 5, 6]);
  });

  it("does not hinder a change that leaves the voters as they are", async () => {
    const served = new LeadingNode({ ...three, 5: "learner" });
    served.hears(2, dead);
    served.hears(3, dead);
    assert.deepEqual((await served.change(remove(5))).members.map(({ id }) => id), [1, 2, 3]);
  });
});
