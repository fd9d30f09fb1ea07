/**
 * Keeps the addresses in the configuration true: identity is the node id, addresses may change. The
 * leader proposes a configuration that differs in addresses alone as soon as a Hello told it of
 * others than are written down.
 */

import type {
  ConfigurationChange,
  LogPosition,
  Member,
  MemberAddresses,
  NodeId,
} from "../raft/types.ts";
import type { NodeStatus } from "./parts.ts";
import { sameAddresses } from "./peers.ts";
import { settledConfiguration } from "./settled.ts";

/** What the keeper needs of a node. */
export interface KeptNode {
  status(): NodeStatus;
  changeConfiguration(
    change: ConfigurationChange,
    expected: LogPosition,
    deadlineMs: number,
    settle: (outcome: unknown) => void,
  ): void;
}

/** Looks now and then, on every node; only a leader finds something to do. */
export class AddressKeeper {
  readonly #node: KeptNode;
  readonly #addressesOf: (id: NodeId) => MemberAddresses | undefined;
  #proposing = false;

  constructor(node: KeptNode, addressesOf: (id: NodeId) => MemberAddresses | undefined) {
    this.#node = node;
    this.#addressesOf = addressesOf;
  }

  /** Called now and then; proposes at most one change at a time. */
  look(nowMs: number): void {
    if (this.#proposing) return;
    const configuration = settledConfiguration(this.#node.status());
    if (configuration === undefined) return;
    const { members } = configuration.configuration;
    const wanted = members.map((member) => this.#withAddresses(member));
    if (wanted.every((member, at) => member === members[at])) return;
    this.#proposing = true;
    this.#node.changeConfiguration(
      { members: wanted },
      configuration.position,
      nowMs + 5_000,
      () => {
        this.#proposing = false;
      },
    );
  }

  #withAddresses(member: Member): Member {
    const addresses = this.#addressesOf(member.id);
    if (addresses === undefined || sameAddresses(addresses, member.addresses)) return member;
    return { ...member, addresses };
  }
}
