/** What a leader changes by itself: who may vote, and who is given up. */

import type { KeptNode } from "../../../src/node/address_keeper.ts";
import { MemberKeeper } from "../../../src/node/member_keeper.ts";
import type { MemberRules } from "../../../src/node/member_rules.ts";
import { votersOf } from "../../../src/raft/configuration.ts";
import type { PeerStatus } from "../../../src/raft/status.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { nodeStatus } from "../../harness/node_status.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const commitIndex = 5_000;
const silentMsMax = 1_000;
const minuteMs = 60_000;
const promoting: MemberRules = { promotes: true, removeDeadAfterMs: 0, votersMin: 3 };
const removing: MemberRules = { ...promoting, removeDeadAfterMs: minuteMs };

/** What became of the members: `2 3 4` vote, `+4` was added to them, `-1` is gone. */
interface Asked {
  readonly voters: readonly NodeId[];
  readonly all: readonly NodeId[];
}

/** Node 1 leads; everybody is heard all the time, but for those who are named. */
class Led {
  nowMs = 1_000_000;
  readonly asked: Asked[] = [];
  readonly #silentSinceMs = new Map<NodeId, number>();
  readonly #match = new Map<NodeId, number>();
  #status: ReturnType<typeof nodeStatus>;
  #settle: (() => void) | undefined;
  readonly #keeper: MemberKeeper;

  constructor(
    rules: MemberRules,
    members: { readonly voters: readonly NodeId[]; readonly learners?: readonly NodeId[] },
    readOnly: readonly NodeId[] = [],
  ) {
    const configuration = configurationOf(members);
    this.#status = nodeStatus({
      ...{ role: "leader", termStart: 5, commitIndex, lastIndex: commitIndex },
      configuration: {
        position: position("4@2"),
        configuration: {
          ...configuration,
          members: configuration.members.map((member) =>
            readOnly.includes(member.id) ? { ...member, suffrage: "readOnly" } : member
          ),
        },
      },
    });
    const node: KeptNode = {
      status: () => ({ ...this.#status, peers: this.#peers() }),
      changeConfiguration: (change, expected, _deadlineMs, settle) => {
        assert.deepEqual(expected, position("4@2"));
        const all = change.members.map(({ id }) => id);
        this.asked.push({ voters: votersOf(change.members), all });
        this.#settle = () => settle({ kind: "unknown", reason: "timeout" });
      },
    };
    this.#keeper = new MemberKeeper({ self: 1, node, rules, silentMsMax, onChange: () => {} });
  }

  /** Looks every second for so long. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.nowMs += 1_000;
      this.#keeper.look(this.nowMs);
    }
  }

  silence(...ids: readonly NodeId[]): void {
    for (const id of ids) this.#silentSinceMs.set(id, this.nowMs);
  }

  hear(id: NodeId): void {
    this.#silentSinceMs.delete(id);
  }

  behind(id: NodeId, entries: number): void {
    this.#match.set(id, commitIndex - entries);
  }

  set(more: Parameters<typeof nodeStatus>[0]): void {
    this.#status = { ...this.#status, ...more };
  }

  settle(): void {
    this.#settle?.();
  }

  #peers(): readonly PeerStatus[] {
    const { members } = this.#status.configuration.configuration;
    return members.filter(({ id }) => id !== 1).map(({ id }) => ({
      ...{ id, mode: "replicating", hasAnswered: true, wantsSnapshot: false },
      match: this.#match.get(id) ?? commitIndex,
      next: commitIndex + 1,
      applied: this.#match.get(id) ?? commitIndex,
      heardMs: this.#silentSinceMs.get(id) ?? this.nowMs,
    }));
  }
}

describe("A learner that has caught up", () => {
  it("becomes a voter once it has kept up for a while", () => {
    const led = new Led(promoting, { voters: [1, 2, 3], learners: [4] });
    led.pass(2_000);
    assert.deepEqual(led.asked, []);
    led.pass(1_000);
    assert.deepEqual(led.asked, [{ voters: [1, 2, 3, 4], all: [1, 2, 3, 4] }]);
  });

  it("waits from anew when it has fallen behind, or was silent", () => {
    const led = new Led(promoting, { voters: [1, 2, 3], learners: [4] });
    led.behind(4, 2_000);
    led.pass(10_000);
    led.behind(4, 0);
    led.pass(1_000);
    led.silence(4);
    led.pass(3_000);
    led.hear(4);
    led.pass(2_000);
    assert.deepEqual(led.asked, []);
    led.pass(1_000);
    assert.equal(led.asked.length, 1);
  });

  it("is alone in a change, and the next one waits for its end", () => {
    const led = new Led(promoting, { voters: [1], learners: [2, 3] });
    led.pass(10_000);
    assert.deepEqual(led.asked, [{ voters: [1, 2], all: [1, 2, 3] }]);
    led.settle();
    led.pass(1_000);
    assert.equal(led.asked.length, 2);
  });

  it("stays one where the configuration says so, and a read-only member always", () => {
    const off = new Led({ ...promoting, promotes: false }, { voters: [1], learners: [2] });
    const readOnly = new Led(promoting, { voters: [1], learners: [2] }, [2]);
    for (const led of [off, readOnly]) {
      led.pass(10_000);
      assert.deepEqual(led.asked, []);
    }
  });

  it("does not become one that a quorum would need because others are down", () => {
    // How many of so many voters are down, and whether one more may be added then.
    const cases: readonly (readonly [number, number, boolean])[] = [
      ...[[1, 0, true], [2, 0, true], [3, 0, true], [3, 1, false]] as const,
      ...[[4, 1, true], [5, 1, true], [5, 2, false], [6, 2, true]] as const,
    ];
    for (const [count, down, isSafe] of cases) {
      const voters = Array.from({ length: count }, (_, at) => at + 1);
      const led = new Led(promoting, { voters, learners: [9] });
      led.silence(...voters.slice(count - down));
      led.pass(10_000);
      assert.equal(led.asked.length, isSafe ? 1 : 0, `${down} of ${count}`);
    }
  });

  it("does not become one while a voter that answers holds nothing yet", () => {
    const led = new Led(promoting, { voters: [1, 2, 3], learners: [4] });
    led.behind(3, commitIndex);
    led.pass(10_000);
    assert.deepEqual(led.asked, []);
  });

  const obstacles: Readonly<Record<string, Parameters<typeof nodeStatus>[0]>> = {
    "does not lead": { role: "follower" },
    "has committed nothing of its own term": { termStart: commitIndex + 1 },
    "has a configuration that is not committed": { configurationCommitted: false },
  };
  for (const [what, status] of Object.entries(obstacles)) {
    it(`is not promoted by a node that ${what}`, () => {
      const led = new Led(promoting, { voters: [1, 2, 3], learners: [4] });
      led.set(status);
      led.pass(10_000);
      assert.deepEqual(led.asked, []);
    });
  }
});

describe("A member that is dead", () => {
  const five = { voters: [1, 2, 3, 4, 5] };

  it("is removed when it was not heard for so long, where the configuration says so", () => {
    const led = new Led(removing, five);
    const off = new Led(promoting, five);
    for (const each of [led, off]) {
      each.pass(1_000);
      each.silence(4);
      each.pass(minuteMs - 1_000);
      assert.deepEqual(each.asked, []);
      each.pass(1_000);
    }
    assert.deepEqual(led.asked, [{ voters: [1, 2, 3, 5], all: [1, 2, 3, 5] }]);
    assert.deepEqual(off.asked, []);
  });

  it("is one of several, which go one after the other", () => {
    const led = new Led(removing, five);
    led.silence(4, 5);
    led.pass(2 * minuteMs);
    assert.deepEqual(led.asked, [{ voters: [1, 2, 3, 5], all: [1, 2, 3, 5] }]);
  });

  it("stays where too few voters would be left", () => {
    const led = new Led(removing, { voters: [1, 2, 3] });
    led.silence(3);
    led.pass(10 * minuteMs);
    assert.deepEqual(led.asked, []);
    const two = new Led({ ...removing, votersMin: 2 }, { voters: [1, 2, 3] });
    two.silence(3);
    two.pass(10 * minuteMs);
    assert.deepEqual(two.asked, [{ voters: [1, 2], all: [1, 2] }]);
  });

  it("gives its place to a learner that has caught up, where too few would be left", () => {
    const led = new Led(removing, { voters: [1, 2, 3], learners: [4] });
    led.silence(3);
    led.pass(minuteMs - 1_000);
    assert.deepEqual(led.asked, []);
    led.pass(2_000);
    assert.deepEqual(led.asked, [{ voters: [1, 2, 4], all: [1, 2, 4] }]);
  });

  it("stays where no majority of those who are left is healthy", () => {
    const led = new Led({ ...removing, votersMin: 2 }, { voters: [1, 2, 3, 4] });
    led.silence(4);
    led.pass(minuteMs - 5_000);
    led.silence(2, 3);
    led.pass(minuteMs - 10_000);
    assert.deepEqual(led.asked, []);
    led.hear(2);
    led.pass(1_000);
    assert.deepEqual(led.asked, [{ voters: [1, 2, 3], all: [1, 2, 3] }]);
  });

  it("goes without a look at the voters where it has no vote", () => {
    const led = new Led({ ...removing, promotes: false }, { voters: [1, 2], learners: [3, 4] }, [
      4,
    ]);
    led.silence(3, 4);
    led.pass(2 * minuteMs);
    assert.deepEqual(led.asked, [{ voters: [1, 2], all: [1, 2, 4] }]);
  });

  it("is counted from the election, whatever was heard before", () => {
    const led = new Led(removing, five);
    led.set({ role: "follower" });
    led.silence(4);
    led.pass(5 * minuteMs);
    led.set({ role: "leader" });
    led.pass(minuteMs);
    assert.deepEqual(led.asked, []);
    led.pass(2_000);
    assert.equal(led.asked.length, 1);
    // Another term is another election, also of the same node.
    const again = new Led(removing, five);
    again.silence(4);
    again.pass(minuteMs - 1_000);
    again.set({ term: 3 });
    again.pass(minuteMs - 1_000);
    assert.deepEqual(again.asked, []);
  });

  it("is not one of those that a leader could not hear while it stood still itself", () => {
    const led = new Led(removing, five);
    led.pass(1_000);
    led.silence(2, 3, 4, 5);
    led.nowMs += 10 * minuteMs;
    // The first answers come before the others'.
    led.hear(2);
    led.hear(3);
    led.pass(1_000);
    assert.deepEqual(led.asked, []);
    led.hear(4);
    led.hear(5);
    led.pass(2 * minuteMs);
    assert.deepEqual(led.asked, []);
  });
});
