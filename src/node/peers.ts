/**
 * Who the other nodes are: judges each Hello against what this node knows, and remembers where its
 * sender can be reached. A stranger, a twin and a directory that lost its memory are turned away
 * here, before a frame of theirs reaches the core (docs/decisions/0008-who-may-turn-a-directory-
 * away.md).
 */

import { allMembers, memberOf, wasRemoved } from "../raft/configuration.ts";
import type { Configuration, MemberAddresses, NodeId } from "../raft/types.ts";
import type { IdentityKeeper } from "./identity_keeper.ts";
import type { Hello, HelloAnswer, HelloRefusal, PeerStart, Transport } from "./ports.ts";
import { type ProtocolRange, protocolText, sharedProtocol } from "./protocol.ts";

/** Nodes outside the configuration that are remembered; the oldest is forgotten for a new one. */
const strangersMax = 64;

/** What a node has said of itself since this one was started. */
type Met = Pick<
  Hello,
  "addresses" | "programVersion" | "dataVersion" | "electionTimeoutMinMs"
>;

/** The start of a node whose stream is open while a later start of it says Hello. */
interface Earlier {
  readonly nonce: number;
  /** On whose behalf it is asked: what it answers says nothing for others, at other times. */
  readonly laterNonce: number;
  /** Undefined while it is being asked. */
  lives?: boolean;
}

/** What a node says of itself, apart from whom it addresses. */
export interface Self {
  readonly keeper: IdentityKeeper;
  readonly nonce: number;
  readonly addresses: MemberAddresses;
  /** The ids that the configuration file names, sorted. */
  readonly bootstrapIds: readonly NodeId[];
  readonly protocols: ProtocolRange;
  readonly dataVersion: number;
  /** The version that the cluster uses, as far as this node has applied. */
  readonly dataVersionInUse: () => number;
  readonly programVersion: string;
  readonly electionTimeoutMinMs: number;
}

/** The other nodes, as far as this one has met them. */
export class Peers {
  readonly #self: Self;
  readonly #ask: Transport["hello"];
  /** The committed configuration; undefined while the cluster is being born. */
  #committed: () => Configuration | undefined = () => undefined;
  /** The one in effect: it counts already, and may be taken back. */
  #effective: () => Configuration | undefined = () => undefined;
  /** Told of who said Hello and was accepted. */
  #onGreeted: (theirs: Hello) => void = () => {};
  readonly #met = new Map<NodeId, Met>();
  /** The newest start of each node; those of members outlive this process. */
  readonly #starts = new Map<NodeId, PeerStart>();
  readonly #earlier = new Map<NodeId, Earlier>();

  /** `ask`: says Hello to whoever listens at an address. */
  constructor(self: Self, ask: Transport["hello"]) {
    this.#self = self;
    this.#ask = ask;
    for (const start of self.keeper.identity.peerStarts ?? []) this.#starts.set(start.id, start);
  }

  /** From now on members are judged by these configurations. */
  judgeBy(
    committed: () => Configuration | undefined,
    effective: () => Configuration | undefined = committed,
  ): void {
    this.#committed = committed;
    this.#effective = effective;
  }

  /** `listener` is told of everybody who says Hello from now on and is accepted. */
  onGreeted(listener: (theirs: Hello) => void): void {
    this.#onGreeted = listener;
  }

  hello(to: NodeId): Hello {
    const { keeper: { identity }, nonce, bootstrapIds, protocols, ...self } = this.#self;
    const { addresses, dataVersion, programVersion, electionTimeoutMinMs } = self;
    return {
      clusterId: identity.clusterId,
      from: identity.nodeId,
      to,
      incarnation: identity.incarnation,
      logEpoch: identity.logEpoch,
      starts: identity.starts,
      nonce,
      protocolVersion: protocols.newest,
      protocolVersionMin: protocols.oldest,
      ...{ addresses, dataVersion, programVersion, electionTimeoutMinMs },
      bootstrapIds: identity.birth === undefined ? bootstrapIds : [],
    };
  }

  /** Where `peer` said it can be reached. */
  addressesOf(peer: NodeId): MemberAddresses | undefined {
    return this.#met.get(peer)?.addresses;
  }

  /** The newest version of commands that `peer` can apply. */
  dataVersionOf(peer: NodeId): number | undefined {
    return this.#met.get(peer)?.dataVersion;
  }

  /** Which program `peer` runs. */
  versionOf(peer: NodeId): string | undefined {
    return this.#met.get(peer)?.programVersion;
  }

  /** Whether `peer` is known to wait for a leader at least so long before it votes for another. */
  waits(peer: NodeId, ms: number): boolean {
    const met = this.#met.get(peer);
    return met !== undefined && met.electionTimeoutMinMs >= ms;
  }

  /** `standing`: what another start of the same node said on a stream that is still open. */
  judge(theirs: Hello, standing?: Hello): HelloAnswer {
    const refusal = this.#strangerRefusal(theirs) ?? this.#removedRefusal(theirs) ??
      this.#memberRefusal(theirs) ?? this.#twinRefusal(theirs, standing);
    if (refusal !== undefined) return refusal;
    this.note(theirs);
    this.#onGreeted(theirs);
    const hello = this.hello(theirs.from);
    const { birth } = this.#self.keeper.identity;
    return birth === undefined
      ? { kind: "accepted", hello }
      : { kind: "accepted", hello, cluster: birth };
  }

  /** Notes what a peer said of itself in an answer to this node. */
  note(hello: Hello): void {
    const { from, incarnation, starts, nonce } = hello;
    this.#met.delete(from);
    this.#met.set(from, hello);
    this.#starts.set(from, { id: from, incarnation, starts, nonce });
    this.#forgetStrangers();
  }

  /**
   * Writes down the newest starts of the members, so that an older copy is known after a restart
   * too. To be called now and then: it is a note, not a promise.
   */
  keepStarts(failed: (error: unknown) => void): void {
    const committed = this.#committed();
    if (committed === undefined) return;
    const { keeper } = this.#self;
    const starts = [...this.#starts.values()]
      .filter(({ id, incarnation }) => memberOf(committed, id)?.incarnation === incarnation)
      .sort((a, b) => a.id - b.id);
    if (isEqual(starts, keeper.identity.peerStarts ?? [])) return;
    keeper.note({ peerStarts: starts }, failed);
  }

  /**
   * Whether a peer's final refusal is the cluster's word: anybody may listen at an address. As long
   * as the own log does not name this node, it shows a past, and who was a member then may have
   * been left behind with a lost quorum (lost_quorum.ts): only those that took this node in count.
   */
  believes({ final, by }: HelloRefusal): boolean {
    const committed = this.#committed();
    if (!final || committed === undefined) return false;
    if (memberOf(committed, by.id)?.incarnation !== by.incarnation) return false;
    const { nodeId, joining } = this.#self.keeper.identity;
    return joining === undefined || memberOf(committed, nodeId) !== undefined ||
      joining.some(({ id }) => id === by.id);
  }

  #refusal(reason: string, how: "for now" | "final" | "removed"): HelloRefusal {
    const { nodeId: id, incarnation } = this.#self.keeper.identity;
    const final = how !== "for now";
    return { kind: "refused", reason, final, removed: how === "removed", by: { id, incarnation } };
  }

  #forgetStrangers(): void {
    const committed = this.#committed();
    const members = committed === undefined
      ? this.#self.bootstrapIds
      : allMembers(committed).map(({ id }) => id);
    const strangers = [...this.#met.keys()].filter((id) => !members.includes(id));
    for (const id of strangers.slice(0, -strangersMax)) {
      this.#met.delete(id);
      this.#starts.delete(id);
      this.#earlier.delete(id);
    }
  }

  #strangerRefusal(theirs: Hello): HelloRefusal | undefined {
    const { keeper: { identity }, nonce, bootstrapIds } = this.#self;
    const no = (reason: string): HelloRefusal => this.#refusal(reason, "for now");
    const misfit = this.#versionMisfit(theirs);
    if (misfit !== undefined) return no(misfit);
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

  /** Who is too old, or too new; and which of the two needs another version of the program. */
  #versionMisfit(theirs: Hello): string | undefined {
    const { keeper: { identity: { nodeId } }, protocols, dataVersionInUse } = this.#self;
    const { protocolVersion: newest, protocolVersionMin: oldest, dataVersion, from } = theirs;
    if (sharedProtocol(protocols, { oldest, newest }) === undefined) {
      const older = newest < protocols.oldest ? from : nodeId;
      return `node ${from} speaks protocol version ${protocolText({ oldest, newest })}, ` +
        `node ${nodeId} ${protocolText(protocols)}: start a later version of the program as ` +
        `node ${older}`;
    }
    const inUse = dataVersionInUse();
    return dataVersion >= inUse
      ? undefined
      : `node ${from} can apply commands up to data version ${dataVersion}, the cluster uses ` +
        `${inUse}: start a later version of the program as node ${from}`;
  }

  /**
   * An id belongs to one data directory for ever: an emptied one is another incarnation. A newcomer
   * cannot tell: what it has of the log may be from before a lost quorum (lost_quorum.ts).
   */
  #memberRefusal({ from, incarnation }: Hello): HelloRefusal | undefined {
    const [committed, effective] = [this.#committed(), this.#effective()];
    if (committed && memberOf(committed, this.#self.keeper.identity.nodeId) === undefined) {
      return undefined;
    }
    const known = committed && memberOf(committed, from);
    // Whoever is about to be a member counts already (thesis §4.1): another directory must not
    // vote for it.
    const member = known ?? (effective && memberOf(effective, from));
    if (member === undefined || member.incarnation === incarnation) return undefined;
    const reason = `node id ${from} belongs to another data directory (incarnation ` +
      `${member.incarnation}, not ${incarnation}): ${wayBackOf(from)}`;
    return this.#refusal(reason, known === undefined ? "for now" : "final");
  }

  /** Whoever was down when it was removed learns of it here. */
  #removedRefusal({ from }: Hello): HelloRefusal | undefined {
    const committed = this.#committed();
    return committed === undefined || !wasRemoved(committed, from)
      ? undefined
      : this.#refusal(removalOf(from), "removed");
  }

  /** Two processes on copies of one directory, or a copy from an older day. */
  #twinRefusal(theirs: Hello, standing: Hello | undefined): HelloRefusal | undefined {
    const { from, incarnation, starts, nonce } = theirs;
    const seen = this.#starts.get(from);
    if (seen === undefined || seen.incarnation !== incarnation) return undefined;
    if (starts === seen.starts && nonce === seen.nonce) return undefined;
    if (starts < seen.starts) {
      const counts = `it counts ${starts} starts, ${seen.starts} were seen`;
      return this.#refusal(
        `the data directory of node ${from} is an older copy: ${counts}`,
        "final",
      );
    }
    if (starts === seen.starts) return this.#refusal(twins(from), "final");
    if (standing === undefined || standing.nonce !== seen.nonce) return undefined;
    return this.#earlierRefusal(standing, nonce);
  }

  /**
   * A later start, while a stream of an earlier one is open. Either that process ended and nobody
   * has told us yet (a machine lost its power), or it runs and the later one is a copy of its
   * directory, which lacks what was acknowledged since it was made. Whoever listens where the
   * earlier one did can tell.
   */
  #earlierRefusal(
    { from, nonce, addresses }: Hello,
    laterNonce: number,
  ): HelloRefusal | undefined {
    const known = this.#earlier.get(from);
    if (known?.nonce !== nonce || known.laterNonce !== laterNonce) {
      const earlier: Earlier = { nonce, laterNonce };
      this.#earlier.set(from, earlier);
      this.#ask(addresses.rpc, this.hello(from), (answer) => {
        earlier.lives = answer?.kind === "accepted" && answer.hello.nonce === nonce;
      });
    } else if (known.lives === false) {
      return undefined;
    } else if (known.lives === true) {
      // It may end meanwhile: whoever asks again has it asked again.
      this.#earlier.delete(from);
      return this.#refusal(twins(from), "final");
    }
    const reason = `an earlier start of node ${from} has a stream open here: it is being asked ` +
      "whether it runs";
    return this.#refusal(reason, "for now");
  }
}

/** What is left to somebody whose directory was emptied, or is another than its id belongs to. */
export function wayBackOf(id: NodeId): string {
  return `put that one back; if it is lost, remove node ${id} from the cluster and start with an ` +
    "empty directory, --join and no node_id";
}

/** For the node itself: why it is not listened to, and what can be done. */
export function removalOf(id: NodeId): string {
  return `node ${id} was removed from the cluster, and no id is used twice: to come back, it ` +
    "joins as a new node, with an empty directory, --join and no node_id";
}

function isEqual(a: readonly PeerStart[], b: readonly PeerStart[]): boolean {
  return a.length === b.length &&
    a.every(({ id, starts, nonce }, at) =>
      id === b[at]?.id && starts === b[at].starts && nonce === b[at].nonce
    );
}

function twins(id: NodeId): string {
  return `two processes run as node ${id} on copies of one data directory`;
}

/** Whether two records of where a node can be reached say the same. */
export function sameAddresses(
  a: MemberAddresses | undefined,
  b: MemberAddresses | undefined,
): boolean {
  return a?.rpc === b?.rpc && a?.http === b?.http && a?.clientRpc === b?.clientRpc;
}
