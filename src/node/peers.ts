/**
 * Who the other nodes are: judges each Hello against what this node knows, and remembers where its
 * sender can be reached. A stranger, a twin and a directory that lost its memory are turned away
 * here, before a frame of theirs reaches the core.
 */

import { memberOf } from "../raft/configuration.ts";
import type { Configuration, MemberAddresses, NodeId } from "../raft/types.ts";
import type { Hello, HelloAnswer, Identity } from "./ports.ts";

/** Raised whenever an older node could misread a newer one. */
export const protocolVersion = 1;

type Refusal = HelloAnswer & { readonly kind: "refused" };

interface Seen {
  readonly incarnation: string;
  readonly starts: number;
  readonly nonce: number;
  readonly addresses: MemberAddresses;
  readonly programVersion: string;
}

/** What a node says of itself, apart from whom it addresses. */
export interface Self {
  readonly identity: Identity;
  readonly nonce: number;
  readonly addresses: MemberAddresses;
  /** The ids that the configuration file names, sorted. */
  readonly bootstrapIds: readonly NodeId[];
  readonly dataVersion: number;
  readonly programVersion: string;
}

/** The other nodes, as far as this one has met them since it was started. */
export class Peers {
  #self: Self;
  /** The committed configuration; undefined while the cluster is being born. */
  #committed: () => Configuration | undefined = () => undefined;
  readonly #seen = new Map<NodeId, Seen>();

  constructor(self: Self) {
    this.#self = self;
  }

  /** From now on members are judged by this configuration. */
  judgeBy(committed: () => Configuration | undefined): void {
    this.#committed = committed;
  }

  setIdentity(identity: Identity): void {
    this.#self = { ...this.#self, identity };
  }

  hello(to: NodeId): Hello {
    const { identity, nonce, addresses, bootstrapIds, dataVersion, programVersion } = this.#self;
    return {
      clusterId: identity.clusterId,
      from: identity.nodeId,
      to,
      incarnation: identity.incarnation,
      logEpoch: identity.logEpoch,
      starts: identity.starts,
      nonce,
      protocolVersion,
      dataVersion,
      programVersion,
      addresses,
      bootstrapIds: identity.birth === undefined ? bootstrapIds : [],
    };
  }

  /** Where `peer` said it can be reached. */
  addressesOf(peer: NodeId): MemberAddresses | undefined {
    return this.#seen.get(peer)?.addresses;
  }

  /** Which program `peer` runs. */
  versionOf(peer: NodeId): string | undefined {
    return this.#seen.get(peer)?.programVersion;
  }

  judge(theirs: Hello): HelloAnswer {
    const refusal = this.#strangerRefusal(theirs) ?? this.#memberRefusal(theirs) ??
      this.#twinRefusal(theirs);
    if (refusal !== undefined) return refusal;
    this.note(theirs);
    const hello = this.hello(theirs.from);
    const { birth } = this.#self.identity;
    return birth === undefined
      ? { kind: "accepted", hello }
      : { kind: "accepted", hello, cluster: birth };
  }

  /** Notes what a peer said of itself in an answer to this node. */
  note({ from, incarnation, starts, nonce, addresses, programVersion }: Hello): void {
    this.#seen.set(from, { incarnation, starts, nonce, addresses, programVersion });
  }

  #strangerRefusal(theirs: Hello): Refusal | undefined {
    const { identity, nonce, bootstrapIds } = this.#self;
    const no = (reason: string): Refusal => ({ kind: "refused", reason, final: false });
    if (theirs.protocolVersion !== protocolVersion) {
      return no(`protocol version ${theirs.protocolVersion}, this node speaks ${protocolVersion}`);
    }
    if (theirs.clusterId !== identity.clusterId) {
      return no(`cluster_id "${theirs.clusterId}", this node belongs to "${identity.clusterId}"`);
    }
    if (theirs.from === identity.nodeId) {
      return no(
        theirs.nonce === nonce
          ? `this address is the asker's own: node ${identity.nodeId}`
          : `another process already runs as node ${identity.nodeId}`,
      );
    }
    if (theirs.to !== 0 && theirs.to !== identity.nodeId) {
      return no(`node ${theirs.to} was expected here, this is node ${identity.nodeId}`);
    }
    const bothUnborn = identity.birth === undefined && theirs.bootstrapIds.length > 0;
    if (bothUnborn && String(theirs.bootstrapIds) !== String(bootstrapIds)) {
      return no(
        `its configuration names the nodes ${theirs.bootstrapIds.join(", ")}, ` +
          `the one of node ${identity.nodeId} names ${bootstrapIds.join(", ")}`,
      );
    }
    return undefined;
  }

  /** An id belongs to one data directory for ever: an emptied one is another incarnation. */
  #memberRefusal({ from, incarnation }: Hello): Refusal | undefined {
    const committed = this.#committed();
    const member = committed && memberOf(committed, from);
    if (member === undefined || member.incarnation === incarnation) return undefined;
    return {
      kind: "refused",
      final: true,
      reason: `node id ${from} belongs to another data directory (incarnation ` +
        `${member.incarnation}, not ${incarnation}): if the old one is lost, remove node ${from} ` +
        "and join with a new id",
    };
  }

  /** Two processes on copies of one directory, or a copy from an older day. */
  #twinRefusal({ from, incarnation, starts, nonce }: Hello): Refusal | undefined {
    const seen = this.#seen.get(from);
    if (seen === undefined || seen.incarnation !== incarnation) return undefined;
    if (starts > seen.starts || (starts === seen.starts && nonce === seen.nonce)) return undefined;
    return {
      kind: "refused",
      final: true,
      reason: starts < seen.starts
        ? `the data directory of node ${from} is an older copy: it counts ${starts} starts, ` +
          `${seen.starts} were seen`
        : `two processes run as node ${from} on copies of one data directory`,
    };
  }
}

/** Whether two records of where a node can be reached say the same. */
export function sameAddresses(
  a: MemberAddresses | undefined,
  b: MemberAddresses | undefined,
): boolean {
  return a?.rpc === b?.rpc && a?.http === b?.http && a?.clientRpc === b?.clientRpc;
}
