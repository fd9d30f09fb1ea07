/**
 * Whom this node opens streams to, and where. What a node said of itself last wins over what the
 * configuration says, and that over whom the node was told of before it had one: the configuration
 * file, or the cluster that took it in.
 */

import { allMembers } from "../raft/configuration.ts";
import type { NodeId } from "../raft/types.ts";
import type { NodeStatus } from "./parts.ts";
import type { Peers } from "./peers.ts";
import type { PeerAddress, Transport } from "./ports.ts";

/** What the links stand on. */
export interface PeerLinksParts {
  readonly self: NodeId;
  readonly transport: Pick<Transport, "setPeers" | "hello">;
  readonly peers: Pick<Peers, "addressesOf" | "hello" | "judge">;
  readonly status: () => Pick<NodeStatus, "configuration" | "peers" | "leader">;
  /** By which configurations `peers` judges. */
  readonly judgedBy: () => string;
  /** The other nodes that the configuration file names. */
  readonly configured: readonly PeerAddress[];
  /** Those that have taken this one in, until its own store knows the members. */
  readonly joining: () => readonly PeerAddress[];
  /** Asks whoever listens at an address where the members are; tells of none without an answer. */
  readonly askMembers: AskMembers;
}

/** Calls `tell` once, with the members as the asked node sees them. */
export type AskMembers = (
  address: string,
  tell: (members: readonly PeerAddress[]) => void,
) => void;

/** Peers that are asked where the members are at one look: each takes a connection of its own. */
const askedAtOnceMax = 3;

/** To be looked at now and then: members and addresses change. */
export class PeerLinks {
  readonly #parts: PeerLinksParts;
  #linked: readonly PeerAddress[] = [];
  #judgedBy = "";
  /** Who is being asked who it is. */
  readonly #seeking = new Set<NodeId>();
  /** Who is being asked where the members are. */
  readonly #asked = new Set<NodeId>();
  /** At the look before no leader was known. */
  #wasLeaderless = false;
  /** Of those that are linked, who is asked next. */
  #turn = 0;
  #isCut = false;

  constructor(parts: PeerLinksParts) {
    this.#parts = parts;
  }

  look(): void {
    if (this.#isCut) return;
    this.#link();
    this.#seek();
    this.#askAround();
  }

  /** Nobody is spoken to any more. */
  cut(): void {
    this.#isCut = true;
    this.#parts.transport.setPeers([]);
  }

  /** Where a node is, as far as this one knows. */
  addressOf(id: NodeId): string | undefined {
    const { peers, status, configured, joining } = this.#parts;
    const { configuration } = status().configuration;
    const member = allMembers(configuration).find((candidate) => candidate.id === id);
    return peers.addressesOf(id)?.rpc ?? member?.addresses?.rpc ??
      [...configured, ...joining()].find((contact) => contact.id === id)?.address;
  }

  /** Every member; and on a leader who was removed and has not been told yet. */
  #link(): void {
    const { self, status, transport } = this.#parts;
    const { configuration, peers } = status();
    const members = allMembers(configuration.configuration).map(({ id }) => id);
    const addresses: PeerAddress[] = [];
    for (const id of new Set([...members, ...peers.map((peer) => peer.id)])) {
      const before = this.#linked.find((linked) => linked.id === id)?.address;
      const address = id === self ? undefined : this.addressOf(id) ?? before;
      if (address !== undefined) addresses.push({ id, address });
    }
    const judgedBy = this.#parts.judgedBy();
    const isSame = JSON.stringify(addresses) === JSON.stringify(this.#linked);
    if (isSame && judgedBy === this.#judgedBy) return;
    this.#linked = addresses;
    this.#judgedBy = judgedBy;
    // Also where only the judgement has changed: who has a stream open and was removed is told so.
    transport.setPeers(addresses);
  }

  /**
   * All may have moved at once, and then nobody is where it is written down: whoever was not met
   * since the start is also asked at the address in the configuration file. And a node that the
   * cluster has taken in may have moved before its log told it of any member that is alive: it says
   * where it is to those that took it in.
   */
  #seek(): void {
    const { configured, joining } = this.#parts;
    for (const peer of configured) if (peer.address !== this.addressOf(peer.id)) this.#ask(peer);
    for (const peer of joining()) {
      if (!this.#linked.some(({ id }) => id === peer.id)) this.#ask(peer);
    }
  }

  /**
   * Who leads may have become a member while this node was down, which then does not know it, and
   * knows this node by an address where it is no more. So the others are asked, and whom they name
   * is told: one Hello at the leader is enough. An election takes less than from one look to the
   * next.
   */
  #askAround(): void {
    const { self, status, askMembers } = this.#parts;
    const isLeaderless = status().leader === undefined;
    const shallAsk = isLeaderless && this.#wasLeaderless;
    this.#wasLeaderless = isLeaderless;
    if (!shallAsk) return;
    for (const asked of this.#next(askedAtOnceMax)) {
      this.#asked.add(asked.id);
      askMembers(asked.address, (members) => {
        this.#asked.delete(asked.id);
        if (this.#isCut) return;
        for (const peer of members) {
          if (peer.id !== self && peer.address !== this.addressOf(peer.id)) this.#ask(peer);
        }
      });
    }
  }

  /** Whose turn it is to be asked. */
  #next(count: number): readonly PeerAddress[] {
    const from = this.#turn % Math.max(1, this.#linked.length);
    const inTurn = [...this.#linked.slice(from), ...this.#linked.slice(0, from)].slice(0, count);
    this.#turn = from + inTurn.length;
    return inTurn.filter(({ id }) => !this.#asked.has(id));
  }

  #ask({ id, address }: PeerAddress): void {
    const { peers, transport } = this.#parts;
    if (peers.addressesOf(id) !== undefined || this.#seeking.has(id)) return;
    this.#seeking.add(id);
    transport.hello(address, peers.hello(id), (answer) => {
      this.#seeking.delete(id);
      if (answer?.kind === "accepted" && answer.hello.from === id) peers.judge(answer.hello);
    });
  }
}
