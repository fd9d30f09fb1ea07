/** Changes of members in which one node takes over from another: a new leader, a new voter. */

import {
  commitIndex,
  dead,
  errorOf,
  LeadingNode,
  newcomer,
  remove,
  replace,
  set,
  three,
} from "../../harness/leading_node.ts";
import { failureOf } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const soon = { timeout: 30_000 };

describe("A leader that is to go", soon, () => {
  it("hands over to the most advanced of the healthy voters, and changes nothing", async () => {
    const served = new LeadingNode({ ...three, 4: "voter", 5: "learner" });
    served.hears(2, { match: commitIndex - 5 });
    served.hears(4, { ...dead, match: commitIndex + 1 });
    served.below.onForward = ({ request }) => {
      assert.deepEqual(request.body, {
        ...{ kind: "changeMembers", again: false },
        request: { change: remove(1), dryRun: false },
      });
      return {
        kind: "answered",
        answer: {
          kind: "membersChanged",
          changed: {
            ...{ id: 1, added: false, members: [], configuration: { index: 19, joint: false } },
            ...{ quorum: 2, voters: 3, healthyVoters: 2 },
          },
        },
      };
    };
    assert.equal((await served.change(remove(1))).configuration.index, 19);
    assert.deepEqual(served.node.transfers.map(({ what }) => what), [3]);
    assert.deepEqual(served.below.forwarded.map(({ address }) => address), ["n3"]);
    assert.deepEqual(served.steps, []);
  });

  it("hands over when it is demoted, or replaced, before anything else", async () => {
    for (const change of [set(1, "learner"), set(1, "readOnly"), replace(1)]) {
      const served = new LeadingNode(three);
      await failureOf(served.change(change, {}, 200));
      assert.deepEqual(served.node.transfers.map(({ what }) => what), [2]);
      assert.deepEqual([served.steps, served.below.forwarded.length > 0], [[], true]);
    }
  });

  it("passes over who needs an image, and of equals takes whom it has heard last", async () => {
    const served = new LeadingNode({ ...three, 4: "voter", 5: "voter" });
    const heardMs = served.below.monotonicMs;
    served.hears(2, { heardMs: heardMs - 100 });
    served.hears(3, { match: commitIndex + 1, wantsSnapshot: true });
    served.hears(4, { heardMs: heardMs + 100, mode: "snapshot" });
    served.hears(5, { heardMs });
    await failureOf(served.change(remove(1), {}, 200));
    assert.deepEqual(served.node.transfers.map(({ what }) => what), [5]);
  });

  it("does not for a dry run", async () => {
    const served = new LeadingNode(three);
    assert.equal((await served.change(remove(1), { dryRun: true })).voters, 2);
    assert.deepEqual(served.node.transfers, []);
  });

  it("has changed nothing where nobody takes over", async () => {
    const served = new LeadingNode(three);
    served.node.onTransfer = ({ settle }) => settle({ kind: "failed", reason: "timeout" });
    assert.equal(await failureOf(served.change(remove(1))), "timeout, not_applied, retryable");
    assert.deepEqual(served.steps, []);
  });

  it("looks for another one where its heir cannot take over", async () => {
    const served = new LeadingNode({ ...three, 4: "voter" });
    served.hears(2, { match: commitIndex + 2 });
    served.hears(3, { match: commitIndex + 1 });
    const takeOver = served.node.onTransfer;
    served.node.onTransfer = (asked) => {
      if (asked.what !== 2) return takeOver(asked);
      asked.settle({ kind: "failed", reason: "targetSilent" });
      served.hears(2, dead);
    };
    await failureOf(served.change(remove(1), {}, 1_000));
    assert.deepEqual(served.node.transfers.map(({ what }) => what), [2, 3]);
    assert.deepEqual(served.steps, []);
  });

  it("goes without an heir where its only successor has just come", async () => {
    const served = new LeadingNode({ 1: "voter" });
    const takeStep = served.node.onChange;
    served.node.onChange = (asked) => {
      const isLast = !asked.what.members.some(({ id }) => id === 1);
      takeStep({
        ...asked,
        settle: (outcome) => {
          if (isLast) served.node.lead(undefined);
          asked.settle(outcome);
        },
      });
    };
    assert.equal((await served.change(replace(1))).voters, 1);
    assert.deepEqual(served.steps, ["1v 2l", "2v"]);
    assert.deepEqual(served.node.transfers, []);
  });
});

describe("A replacement", soon, () => {
  it("waits until the new node has caught up, and then is one change", async () => {
    const served = new LeadingNode(three);
    served.ill.set(4, { match: 10 });
    served.hears(3, dead);
    const replacing = served.change(replace(3));
    await served.waits();
    assert.deepEqual(served.steps, ["1v 2v 3v 4l"]);
    served.hears(4, {});
    const { id, added, members, healthyVoters } = await replacing;
    assert.deepEqual([id, added, healthyVoters], [4, true, 3]);
    assert.deepEqual(members.map((member) => member.id), [1, 2, 4]);
    assert.deepEqual(served.steps, ["1v 2v 3v 4l", "1v 2v 4v"]);
  });

  it("that is late leaves a learner, says so, and goes on when it is repeated", async () => {
    const served = new LeadingNode(three);
    served.ill.set(4, { match: 10 });
    const failure = await errorOf(served.change(replace(3), {}, 100));
    assert.equal(
      failure.message,
      "In time node 4 has not caught up: it has to catch up, 4990 entries behind; it stays a " +
        "learner, and repeating the request goes on",
    );
    assert.deepEqual([failure.code, failure.outcome, failure.retryable], [
      ...["timeout", "unknown", true],
    ]);
    served.hears(4, {});
    assert.equal((await served.change(replace(3))).id, 4);
    assert.equal((await served.change(replace(3))).added, false);
    assert.deepEqual(served.steps, ["1v 2v 3v 4l", "1v 2v 4v"]);
  });

  it("does not add its new node again, which somebody else has removed meanwhile", async () => {
    const served = new LeadingNode(three);
    served.ill.set(4, { match: 10 });
    const replacing = served.change(replace(3));
    await served.waits();
    served.applied(served.config.members.filter(({ id }) => id !== 4));
    const failure = await errorOf(replacing);
    assert.match(failure.message, /^Id 4 is not above 4, /);
    assert.deepEqual([failure.code, failure.outcome], ["conflict", "unknown"]);
    assert.deepEqual(served.steps, ["1v 2v 3v 4l"]);
  });

  it("that loses its leader half way is in doubt", async () => {
    const served = new LeadingNode(three);
    served.ill.set(4, { match: 10 });
    const request = { change: replace(3), dryRun: false };
    const replacing = served.cluster.changeMembersHere({ request, again: false }, 20_000);
    await served.waits();
    served.node.lead(2);
    assert.equal(await failureOf(replacing), "leader_changed, unknown, retryable");
  });

  it("keeps its condition through its own steps", async () => {
    const served = new LeadingNode(three);
    assert.equal((await served.change(replace(3), { expected: [17] })).id, 4);
    assert.equal(served.steps.length, 2);
  });

  it("that is refused half way has been applied in part", async () => {
    const served = new LeadingNode({ ...three, 5: "voter", 6: "voter" });
    served.ill.set(7, { match: 10 });
    const by = { ...newcomer, incarnation: "7".repeat(16) };
    const replacing = served.change({ kind: "replace", id: 3, by });
    await served.waits();
    for (const id of [2, 5, 6]) served.hears(id, dead);
    assert.equal(await failureOf(replacing), "would_lose_quorum, unknown, retryable");
    assert.equal(served.steps.length, 1);
  });

  it("is refused where the others are no quorum with the new one", async () => {
    const served = new LeadingNode({ ...three, 5: "voter", 6: "voter" });
    for (const id of [3, 5]) served.hears(id, dead);
    assert.equal((await served.change(replace(3), { dryRun: true })).healthyVoters, 4);
    served.hears(6, dead);
    const failure = await errorOf(served.change(replace(2)));
    assert.deepEqual(failure.extra, { quorum: 3, voters: 5, healthy_voters: 2 });
    assert.deepEqual(served.steps, []);
  });
});
