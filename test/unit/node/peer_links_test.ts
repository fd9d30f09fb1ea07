/** Whom a node opens streams to, and whom it asks who they are. */

import { PeerLinks } from "../../../src/node/peer_links.ts";
import type { NodeStatus } from "../../../src/node/parts.ts";
import type { PeerAddress } from "../../../src/node/ports.ts";
import type { Configuration, MemberAddresses, NodeId } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Node 1, and what its links have set and asked. */
class Linked {
  configuration: Configuration = configurationOf({ voters: [1, 2, 3] });
  /** Whom it still replicates to, as a leader. */
  replicatesTo: readonly NodeId[] = [];
  judgedBy = "4@1";
  configured: readonly PeerAddress[] = [];
  joining: readonly PeerAddress[] = [];
  readonly met = new Map<NodeId, MemberAddresses>();
  readonly set: string[] = [];
  readonly asked: string[] = [];
  leader: NodeId | undefined = 2;
  readonly questions = new Map<string, (members: readonly PeerAddress[]) => void>();
  #links: PeerLinks | undefined;

  /** Who is being asked where the members are. */
  get questioned(): string {
    return [...this.questions.keys()].join();
  }

  answer(address: string, members: readonly PeerAddress[]): void {
    const tell = this.questions.get(address);
    this.questions.delete(address);
    tell?.(members);
  }

  look(): void {
    this.#links ??= this.#make();
    this.#links.look();
  }

  cut(): void {
    this.#links?.cut();
  }

  at(...ids: readonly NodeId[]): void {
    for (const id of ids) this.met.set(id, { rpc: `n${id}`, http: "" });
  }

  #make(): PeerLinks {
    const nobody = (): never => assert.fail("Nobody answers");
    return new PeerLinks({
      self: 1,
      transport: {
        setPeers: (peers) =>
          this.set.push(peers.map(({ id, address }) => `${id}@${address}`).join()),
        hello: (address) => this.asked.push(address),
      },
      peers: {
        addressesOf: (id) => this.met.get(id),
        hello: () => ({
          ...{ clusterId: "c", from: 1, to: 0, incarnation: "0".repeat(16), logEpoch: 1 },
          ...{ starts: 1, nonce: 1, protocolVersion: 1, protocolVersionMin: 1 },
          ...{ dataVersion: 1, programVersion: "" },
          ...{ addresses: { rpc: "n1", http: "" }, electionTimeoutMinMs: 1, bootstrapIds: [] },
        }),
        judge: nobody,
      },
      status: () => ({
        configuration: { position: { index: 4, term: 1 }, configuration: this.configuration },
        leader: this.leader,
        peers: this.replicatesTo.map((id): NodeStatus["peers"][number] => ({
          ...{ id, mode: "replicating", hasAnswered: true, wantsSnapshot: false },
          ...{ match: 1, next: 2, applied: 1, heardMs: 0 },
        })),
      }),
      judgedBy: () => this.judgedBy,
      configured: this.configured,
      joining: () => this.joining,
      askMembers: (address, tell) => this.questions.set(address, tell),
    });
  }
}

describe("The links of a node", () => {
  it("go to every other member whose address is known, and change with them alone", () => {
    const node = new Linked();
    node.at(2);
    node.look();
    node.look();
    assert.deepEqual(node.set, ["2@n2"]);
    node.at(3);
    node.look();
    node.configuration = configurationOf({ voters: [1, 3] });
    node.look();
    assert.deepEqual(node.set, ["2@n2", "2@n2,3@n3", "3@n3"]);
  });

  it("stay to who was removed until the leader has told it, wherever that is written down", () => {
    const node = new Linked();
    node.at(2, 3);
    node.look();
    node.replicatesTo = [2, 3];
    node.configuration = configurationOf({ voters: [1, 3] });
    node.met.delete(2);
    node.look();
    assert.ok(node.set.every((links) => links.includes("2@n2")), node.set.join(" "));
    node.replicatesTo = [3];
    node.look();
    assert.deepEqual(node.set.at(-1), "3@n3");
  });

  it("are set anew where others are judged otherwise, so that who was removed is told", () => {
    const node = new Linked();
    node.at(2, 3);
    node.look();
    node.judgedBy = "5@1";
    node.look();
    assert.equal(node.set.length, 2);
  });

  it("are cut for good", () => {
    const node = new Linked();
    node.at(2);
    node.look();
    node.cut();
    node.at(3);
    node.look();
    assert.deepEqual(node.set, ["2@n2", ""]);
  });

  it("are sought where the file names another place than the one that is known", () => {
    const node = new Linked();
    node.configured = [{ id: 2, address: "elsewhere" }, { id: 3, address: "n3" }];
    node.configuration = {
      ...node.configuration,
      members: node.configuration.members.map((member) => ({
        ...member,
        addresses: { rpc: `n${member.id}`, http: "" },
      })),
    };
    node.look();
    // Asked once until there is an answer.
    node.look();
    assert.deepEqual(node.asked, ["elsewhere"]);
  });

  it("are told of itself by a node that joins, where no member that it knows is linked", () => {
    const node = new Linked();
    node.joining = [{ id: 3, address: "m3" }, { id: 7, address: "m7" }, { id: 8, address: "m8" }];
    node.at(8);
    node.look();
    assert.deepEqual([node.set, node.asked], [["3@m3"], ["m7"]]);
  });

  it("tell those that the others name of this node, while it knows no leader", () => {
    const node = new Linked();
    node.at(2, 3);
    node.look();
    node.leader = undefined;
    node.look();
    assert.equal(node.questioned, "");
    node.look();
    assert.equal(node.questioned, "n2,n3");
    node.answer("n2", [{ id: 1, address: "old" }, { id: 2, address: "n2" }, {
      id: 4,
      address: "n4",
    }]);
    assert.deepEqual(node.asked, ["n4"]);
    // One question at a time.
    node.questions.delete("n3");
    node.look();
    assert.equal(node.questioned, "n2");
    node.answer("n2", []);
    node.leader = 4;
    node.look();
    assert.equal(node.questioned, "");
  });

  it("ask a few of many at a time, in turn", () => {
    const node = new Linked();
    node.leader = undefined;
    node.configuration = configurationOf({ voters: [1, 2, 3, 4, 5, 6] });
    node.at(2, 3, 4, 5, 6);
    node.look();
    for (const wanted of ["n2,n3,n4", "n5,n6,n2", "n3,n4,n5"]) {
      node.look();
      assert.equal(node.questioned, wanted);
      for (const address of wanted.split(",")) node.answer(address, []);
    }
  });
});
