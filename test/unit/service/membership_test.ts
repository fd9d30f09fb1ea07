/** Changes of members on the node that leads: which steps it takes, and what it answers. */

import type { ConfigurationOutcome } from "../../../src/node/configuration_changes.ts";
import type { PeerStatus } from "../../../src/raft/status.ts";
import type { Configuration, Member, Suffrage } from "../../../src/raft/types.ts";
import type {
  MembershipAnswer,
  MembershipChange,
  MembershipRequest,
} from "../../../src/service/contract.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { failureOf, ServedFakeNode, within } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const commitIndex = 5_000;

function addressesOf(id: number) {
  return { rpc: `n${id}:1`, http: `http://n${id}:2` };
}

function memberOf(id: number, suffrage: Suffrage = "voter"): Member {
  const incarnation = id.toString(16).padStart(16, "0");
  return { id, incarnation, suffrage, addresses: addressesOf(id) };
}

const newcomer = { incarnation: memberOf(4).incarnation, addresses: addressesOf(4) };

/** Node 1, which leads; what it is asked to change comes into force at once. */
class LeadingNode extends ServedFakeNode {
  /** Peers that are not as they should be. */
  readonly ill = new Map<number, Partial<PeerStatus>>();
  /** The members of each configuration that was proposed. */
  readonly steps: string[] = [];
  readonly #listeners: number;

  constructor(suffrages: Readonly<Record<number, Suffrage>>, self = 1) {
    super(self);
    this.#listeners = this.node.listeners;
    const members = Object.entries(suffrages).map(([id, each]) => memberOf(Number(id), each));
    const nodeIdMax = Math.max(...members.map(({ id }) => id));
    this.node.current = { ...this.node.current, ...{ termStart: 3, commitIndex } };
    this.force({ members, nodeIdMax }, 17);
    this.node.onChange = ({ what, settle }) => {
      this.steps.push(shown(what.members));
      settle(this.applied(what.members));
    };
    // Whoever is to lead then leads.
    this.node.onTransfer = ({ what, settle }) => {
      this.node.lead(what);
      settle({ kind: "transferred", to: what! });
    };
  }

  /** The configuration is in force, and the leader hears its members. */
  force(configuration: Configuration, index: number): void {
    const position = { index, term: 2 };
    const peers = configuration.members.filter(({ id }) => id !== 1).map(({ id }): PeerStatus => ({
      ...{ id, mode: "replicating", match: commitIndex, next: commitIndex + 1 },
      ...{
        wantsSnapshot: false,
        applied: commitIndex,
        heardMs: this.monotonicMs,
        ...this.ill.get(id),
      },
    }));
    this.node.current = {
      ...this.node.current,
      ...{ peers, configuration: { position, configuration }, configurationCommitted: true },
    };
    this.node.applied();
  }

  applied(members: readonly Member[]): ConfigurationOutcome {
    const { position, configuration } = this.node.current.configuration;
    const index = position.index + 1;
    const nodeIdMax = Math.max(configuration.nodeIdMax, ...members.map(({ id }) => id));
    this.force({ members: [...members].sort((a, b) => a.id - b.id), nodeIdMax }, index);
    return { kind: "applied", position: { index, term: 2 } };
  }

  /** So it is from now on. */
  hears(id: number, peer: Partial<PeerStatus>): void {
    this.ill.set(id, peer);
    const { configuration, position } = this.node.current.configuration;
    this.force(configuration, position.index);
  }

  change(
    change: MembershipChange,
    more: Partial<MembershipRequest> = {},
    timeoutMs = 20_000,
  ): Promise<MembershipAnswer> {
    return this.cluster.changeMembers({ change, dryRun: false, ...more }, within(timeoutMs));
  }

  /** A change has come to a point where it waits. */
  async waits(): Promise<void> {
    await until(() => this.node.listeners > this.#listeners, { what: "the change to wait" });
  }

  get config(): Configuration {
    return this.node.current.configuration.configuration;
  }
}

function shown(members: readonly Member[]): string {
  return [...members].sort((a, b) => a.id - b.id)
    .map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

const dead = { heardMs: -100_000 };
const three = { 1: "voter", 2: "voter", 3: "voter" } as const;
const add = { kind: "add", member: newcomer, suffrage: "learner" } as const;
const remove = (id: number) => ({ kind: "remove", id }) as const;
const set = (id: number, suffrage: Suffrage) => ({ kind: "setSuffrage", id, suffrage }) as const;
const replace = (id: number) => ({ kind: "replace", id, by: newcomer }) as const;

async function errorOf(promise: Promise<unknown>): Promise<ServiceError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  return error instanceof ServiceError ? error : assert.fail(`It came to ${String(error)}`);
}

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
    // What is so already needs no condition.
    assert.equal((await served.change(add, { expected: [16] })).id, 4);
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
        "Afterwards 2 of 2 voters would have to agree, and 1 of them are healthy: node 3 is not " +
          "heard",
      );
    }
    assert.deepEqual([served.steps, served.node.transfers], [[], []]);
    assert.equal((await served.change(remove(3))).quorum, 2);
  });

  it("is judged once the voters were heard, after an election", async () => {
    const served = new LeadingNode(three);
    served.hears(3, { match: 0 });
    const removing = served.change(remove(2));
    await served.waits();
    served.hears(3, {});
    assert.deepEqual((await removing).members.map(({ id }) => id), [1, 3]);
  });

  it("does not hinder a change that leaves the voters as they are", async () => {
    const served = new LeadingNode({ ...three, 5: "learner" });
    served.hears(2, dead);
    served.hears(3, dead);
    assert.deepEqual((await served.change(remove(5))).members.map(({ id }) => id), [1, 2, 3]);
  });
});

describe("A leader that is to go", soon, () => {
  it("hands over to the most advanced of the healthy voters, and changes nothing", async () => {
    const served = new LeadingNode({ ...three, 4: "voter", 5: "learner" });
    served.hears(2, { match: commitIndex - 5 });
    served.hears(4, { ...dead, match: commitIndex + 1 });
    served.onForward = ({ request }) => {
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
    assert.deepEqual(served.forwarded.map(({ address }) => address), ["n3"]);
    assert.deepEqual(served.steps, []);
  });

  it("hands over when it is demoted, or replaced, before anything else", async () => {
    for (const change of [set(1, "learner"), set(1, "readOnly"), replace(1)]) {
      const served = new LeadingNode(three);
      await failureOf(served.change(change, {}, 200));
      assert.deepEqual(served.node.transfers.map(({ what }) => what), [2]);
      assert.deepEqual([served.steps, served.forwarded.length > 0], [[], true]);
    }
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

  it("goes without an heir where its only successor has just come", async () => {
    const served = new LeadingNode({ 1: "voter" });
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
