/** A simulated node that a living cluster takes in, as src/server_admission.ts has it done. */

import type { ConfigurationOutcome } from "../../src/node/configuration_changes.ts";
import type { Member, NodeId } from "../../src/raft/types.ts";
import { incarnationOf } from "./raft_node.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimNode } from "./sim_node.ts";

/** What its directory holds once it has been given its id; it is not started, and no member yet. */
export function newcomer(
  cluster: SimCluster,
  options: {
    readonly id: NodeId;
    /** The nodes that it was told of; those of the cluster unless given. */
    readonly contacts?: readonly SimNode[];
    readonly address?: string;
    readonly config?: Readonly<Record<string, string>>;
  },
): SimNode {
  const { id, contacts = cluster.nodes, address, config = {} } = options;
  const node = cluster.make({ id, ids: [id], config, ...(address && { address }) });
  prepareToJoin(node, { contacts, incarnation: incarnationOf(id) });
  return node;
}

/** Puts into an empty directory what a node has there that was given its id. */
export function prepareToJoin(
  { disk, options: { id: nodeId, clusterId = "c" } }: SimNode,
  { contacts, incarnation }: {
    readonly contacts: readonly SimNode[];
    readonly incarnation: string;
  },
): void {
  disk.identityFile().save({
    ...{ clusterId, nodeId, incarnation, starts: 0, logEpoch: 1, recovering: false },
    joining: contacts.map(({ id, address }) => ({ id, address })),
  }, () => {});
}

/** The member that the newcomer becomes. */
export function memberFor({ id, address }: SimNode): Member {
  const addresses = { rpc: address, http: `http://${address}` };
  return { id, incarnation: incarnationOf(id), suffrage: "learner", addresses };
}

/** Asks the leader for other members and waits until that is done. */
export function changeMembers(
  cluster: SimCluster,
  leader: SimNode,
  change: (members: readonly Member[]) => readonly Member[],
): void {
  const told: ConfigurationOutcome[] = [];
  const { configuration, position } = leader.status().configuration;
  const deadlineMs = leader.clock.monotonicMs() + 10_000;
  const members = change(configuration.members);
  leader.formed?.node.changeConfiguration({ members }, position, deadlineMs, (outcome) => {
    told.push(outcome);
  });
  cluster.until(() => told.length > 0, "the change of members");
  if (told[0]?.kind !== "applied") throw new Error(`The change is ${JSON.stringify(told[0])}`);
}
