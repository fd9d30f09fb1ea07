/** Hello and its answer between wire and vocabulary. */

import type { Hello, HelloAnswer } from "../node/ports.ts";
import type { Wire } from "./codec.ts";
import {
  count,
  fromConfiguration,
  incarnation,
  nodeId,
  nodeIdMax,
  present,
  toAddresses,
  toConfiguration,
} from "./convert_parts.ts";
import { WireRefusal } from "./refusal.ts";

const clusterIdLengthMax = 1_024;
const reasonLengthMax = 4_096;
const programVersionLengthMax = 64;

/** The wire shape of a Hello. */
export function fromHello(hello: Hello): Wire["skein.raft.v1.Hello"] {
  const { protocolVersion, protocolVersionMin: oldest } = hello;
  return { ...hello, protocolVersionMin: oldest === protocolVersion ? 0 : oldest };
}

/** The Hello that a peer sent. Throws WireRefusal. */
export function toHello(wire: Wire["skein.raft.v1.Hello"]): Hello {
  if (wire.clusterId === "" || wire.clusterId.length > clusterIdLengthMax) {
    throw new WireRefusal("malformed", `cluster_id has ${wire.clusterId.length} characters`);
  }
  if (wire.to > nodeIdMax) throw new WireRefusal("number", `hello.to is ${wire.to}`);
  return {
    clusterId: wire.clusterId,
    from: nodeId(wire.from, "hello.from"),
    to: wire.to,
    incarnation: incarnation(wire.incarnation),
    logEpoch: count(wire.logEpoch, "hello.log_epoch"),
    starts: count(wire.starts, "hello.starts"),
    nonce: count(wire.nonce, "hello.nonce"),
    protocolVersion: wire.protocolVersion,
    protocolVersionMin: wire.protocolVersionMin === 0
      ? wire.protocolVersion
      : wire.protocolVersionMin,
    dataVersion: wire.dataVersion,
    programVersion: wire.programVersion.slice(0, programVersionLengthMax),
    addresses: toAddresses(present(wire.addresses, "hello.addresses")),
    electionTimeoutMinMs: wire.electionTimeoutMinMs,
    bootstrapIds: ascending(wire.bootstrapIds),
  };
}

function ascending(ids: readonly number[]): readonly number[] {
  let previous = 0;
  for (const id of ids) {
    if (nodeId(id, "bootstrap_ids") <= previous) {
      throw new WireRefusal("order", "bootstrap_ids are not ascending");
    }
    previous = id;
  }
  return ids;
}

/** The wire shape of an answer to Hello. */
export function fromHelloAnswer(answer: HelloAnswer): Wire["skein.raft.v1.HelloAnswer"] {
  switch (answer.kind) {
    case "refused":
      return {
        refused: {
          reason: answer.reason,
          final: answer.final,
          removed: answer.removed,
          nodeId: answer.by.id,
          incarnation: answer.by.incarnation,
        },
      };
    case "accepted": {
      const cluster = answer.cluster;
      return {
        accepted: {
          hello: fromHello(answer.hello),
          cluster: cluster === undefined ? undefined : fromConfiguration(cluster),
        },
      };
    }
  }
}

/** The answer that a peer sent. Throws WireRefusal. */
export function toHelloAnswer(wire: Wire["skein.raft.v1.HelloAnswer"]): HelloAnswer {
  if (wire.refused !== null && wire.refused !== undefined) {
    const { reason, final, removed } = wire.refused;
    const by = {
      id: nodeId(wire.refused.nodeId, "refused.node_id"),
      incarnation: incarnation(wire.refused.incarnation),
    };
    return { kind: "refused", reason: reason.slice(0, reasonLengthMax), final, removed, by };
  }
  const accepted = present(wire.accepted, "hello_answer.answer");
  const hello = toHello(present(accepted.hello, "accepted.hello"));
  const cluster = accepted.cluster;
  if (cluster === null || cluster === undefined) return { kind: "accepted", hello };
  return { kind: "accepted", hello, cluster: toConfiguration(cluster) };
}
