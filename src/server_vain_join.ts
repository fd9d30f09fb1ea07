/**
 * What `join` means on a directory that is a node's already: nothing, as a rule, and it may well
 * stay in the file. But a directory that once tried the program out is a whole cluster by itself,
 * and a node that was told to join must not serve that one instead.
 */

import { Connection } from "./client/connection.ts";
import { parseJson, textMember } from "./client/records.ts";
import type { Config } from "./config/schema.ts";
import { formatHostPort } from "./lib/host_port.ts";
import type { Identity, StorageEngine } from "./node/ports.ts";
import { allMembers } from "./raft/configuration.ts";
import { membersOf } from "./server_join.ts";

/** The start waits so long for a cluster that may not be there at all. */
const answerWithinMs = 2_000;

/** Whether the directory holds a cluster of one node that nobody has ever joined for good. */
export function isAlone(
  { nodeId, incarnation, birth }: Identity,
  engine: Pick<StorageEngine, "stored">,
): boolean {
  const isFounder = birth?.members.length === 1 && birth.members[0]?.incarnation === incarnation;
  if (!isFounder) return false;
  const newest = engine.stored().configurations.at(-1)?.configuration;
  return newest !== undefined && allMembers(newest).every(({ id }) => id === nodeId);
}

/** The cluster at `join`, in words, where it answers and is not the one of this sole member. */
export async function otherClusterAt(
  config: Pick<Config, "join" | "rpcAddr" | "rpcAdvertiseAddr">,
  { clusterId, nodeId }: Identity,
): Promise<string | undefined> {
  const address = config.rpcAdvertiseAddr ?? formatHostPort(config.rpcAddr);
  const answers = await Promise.all(config.join.map(async (url) => {
    try {
      const connection = new Connection({ endpoints: [url], timeoutMs: answerWithinMs });
      const asked = { kind: "read", method: "GET", target: "/v1/cluster" } as const;
      const cluster = parseJson((await connection.request(asked)).body);
      return { url, name: textMember(cluster, "cluster_id"), members: membersOf(cluster) };
    } catch {
      // Who does not answer, or not like a node, tells nothing.
      return undefined;
    }
  }));
  const clusters = answers.filter((answer) => answer !== undefined && answer.members.length > 0);
  const isOwn = clusters.some((cluster) =>
    cluster?.name === clusterId &&
    cluster.members.some((member) => member.id === nodeId && member.address === address)
  );
  const [other] = clusters;
  if (isOwn || other === undefined) return undefined;
  const ids = other.members.map(({ id }) => id).join(", ");
  return `${other.url} belongs to another cluster, "${other.name}" of the nodes ${ids}`;
}
