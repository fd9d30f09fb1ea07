/** Changes of members whose fate is not known: asked for again, until somebody can tell. */

import type { MembershipRequest } from "../../../src/service/contract.ts";
import type { ForwardOutcome } from "../../../src/service/forwarder.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { failureOf, refusedWith, ServedFakeNode, within } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const removal: MembershipRequest = { change: { kind: "remove", id: 3 }, dryRun: false };
const broken: ForwardOutcome = { kind: "unknown", detail: "the connection broke" };
const changed: ForwardOutcome = {
  kind: "answered",
  answer: {
    kind: "membersChanged",
    changed: {
      ...{ id: 3, added: false, members: [], configuration: { index: 19, joint: false } },
      ...{ quorum: 2, voters: 2, healthyVoters: 2 },
    },
  },
};

/** Node 1, which follows node 2, of which these are the answers. */
function following(...answers: ForwardOutcome[]): ServedFakeNode {
  const served = new ServedFakeNode(2);
  served.onForward = () => answers.shift() ?? broken;
  return served;
}

/** What each attempt said of those before. */
function attempts(served: ServedFakeNode): readonly boolean[] {
  return served.forwarded.map(({ request: { body } }) =>
    body.kind === "changeMembers" ? body.again : assert.fail(body.kind)
  );
}

const change = (served: ServedFakeNode, timeoutMs = 20_000) =>
  served.cluster.changeMembers(removal, within(timeoutMs));

describe("A change of members whose answer is lost", soon, () => {
  it("is asked for again, and says so", async () => {
    const served = following(broken, refusedWith("leader_changed", "unknown"), changed);
    assert.equal((await change(served)).configuration.index, 19);
    assert.deepEqual(attempts(served), [false, true, true]);
  });

  it("is not in doubt any more where a leader has looked and refuses it", async () => {
    for (const code of ["conflict", "would_lose_quorum", "precondition_failed"] as const) {
      const served = following(broken, refusedWith(code, "not_applied"));
      assert.equal(await failureOf(change(served)), `${code}, not_applied, final`);
    }
  });

  it("stays in doubt where it is a replacement, whose new node may have been added", async () => {
    const by = { addresses: { rpc: "n4:1", http: "http://n4:2" } };
    const request: MembershipRequest = { change: { kind: "replace", id: 3, by }, dryRun: false };
    const served = following(broken, refusedWith("conflict", "not_applied"));
    const asked = served.cluster.changeMembers(request, within(20_000));
    assert.equal(await failureOf(asked), "leader_changed, unknown, retryable");
  });

  it("stays in doubt where the next one says nothing of it", async () => {
    const served = following(broken, refusedWith("overloaded", "not_applied", true));
    assert.equal(await failureOf(change(served)), "leader_changed, unknown, retryable");
    const late = following();
    assert.match(await failureOf(change(late, 200)), /^(leader_changed|timeout), unknown, /);
  });

  it("is not to be repeated by a client under a condition that it has made false", async () => {
    const served = following();
    const asked = served.cluster.changeMembers({ ...removal, expected: [17] }, within(200));
    assert.match(await failureOf(asked), /^(leader_changed|timeout), unknown, final$/);
  });

  it("is not asked for again where it was refused at first", async () => {
    const served = following(refusedWith("would_lose_quorum", "not_applied"), changed);
    assert.equal(await failureOf(change(served)), "would_lose_quorum, not_applied, final");
    assert.deepEqual(attempts(served), [false]);
  });
});

describe("A leader that is asked again", soon, () => {
  function leading(): ServedFakeNode {
    const served = new ServedFakeNode();
    const { members } = configurationOf({ voters: [1, 2] });
    served.node.current = {
      ...served.node.current,
      ...{ termStart: 3 },
      configuration: {
        position: { index: 18, term: 2 },
        configuration: { members, nodeIdMax: 3 },
      },
    };
    return served;
  }

  it("takes a removal that has come to pass for done", async () => {
    const served = leading();
    const { cluster } = served;
    const again = await cluster.changeMembersHere({ request: removal, again: true }, 20_000);
    assert.deepEqual([again.id, again.voters, served.node.changes], [3, 2, []]);
    const first = cluster.changeMembersHere({ request: removal, again: false }, 20_000);
    assert.equal(await failureOf(first), "member_not_found, not_applied, final");
  });

  it("waits for a change under way, which may be the one that was asked for", async () => {
    const served = leading();
    const { configuration } = served.node.current;
    served.node.current = { ...served.node.current, configurationCommitted: false };
    const before = served.node.listeners;
    const changing = served.cluster.changeMembersHere({ request: removal, again: true }, 20_000);
    await until(() => served.node.listeners > before, { what: "the change to wait" });
    served.node.current = { ...served.node.current, configuration, configurationCommitted: true };
    served.node.applied();
    assert.equal((await changing).id, 3);
  });

  it("that does not lead proves that nothing happened", async () => {
    const served = leading();
    served.node.lead(2);
    const asked = served.cluster.changeMembersHere({ request: removal, again: false }, 20_000);
    assert.equal(await failureOf(asked), "leader_changed, not_applied, retryable");
  });

  it("and loses the leadership over its own step leaves doubt, unless its log tells", async () => {
    const request: MembershipRequest = { change: { kind: "remove", id: 2 }, dryRun: false };
    const heard = { mode: "replicating", match: 7, next: 8, applied: 7 } as const;
    const lost = (isCommitted: boolean): Promise<unknown> => {
      const served = leading();
      const peer = {
        id: 2,
        ...heard,
        hasAnswered: true,
        wantsSnapshot: false,
        heardMs: served.monotonicMs,
      };
      served.node.current = { ...served.node.current, peers: [peer] };
      served.node.onChange = ({ settle }) => {
        const { members } = configurationOf({ voters: isCommitted ? [1] : [1, 2] });
        const position = { index: 20, term: 2 };
        served.node.current = {
          ...served.node.current,
          configuration: { position, configuration: { members, nodeIdMax: 3 } },
        };
        served.node.lead(undefined);
        settle({ kind: "unknown", reason: "leadershipLost" });
      };
      return served.cluster.changeMembersHere({ request, again: false }, 20_000);
    };
    assert.equal(await failureOf(lost(false)), "leader_changed, unknown, retryable");
    assert.ok(await lost(true));
  });
});
