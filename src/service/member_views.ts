/** The members as one node sees them. */

import { healthOf } from "../node/judge_change.ts";
import type { NodeStatus } from "../node/parts.ts";
import type { Member, MemberAddresses, NodeId, Role } from "../raft/types.ts";
import type { MemberPlace, MemberView } from "./contract.ts";
import type { Lag } from "./lag.ts";

/** What is known of the members besides the configuration. */
export interface MemberViewsParts {
  readonly node: { status(): NodeStatus };
  readonly self: NodeId;
  /** Where a member said it can be reached, before that is written down. */
  readonly addressesOf: (id: NodeId) => MemberAddresses | undefined;
  /** Which program a member runs, where this node has met it. */
  readonly versionOf: (id: NodeId) => string | undefined;
  readonly lag: Lag;
  readonly monotonicMs: () => number;
  /** How long a peer may be silent and still count as healthy. */
  readonly silentMsMax: number;
}

/** See the head of this file. */
export class MemberViews {
  readonly #parts: MemberViewsParts;

  constructor(parts: MemberViewsParts) {
    this.#parts = parts;
  }

  /** What of a member changes seldom. */
  place({ id, suffrage, addresses: written }: Member): MemberPlace {
    const addresses = this.#parts.addressesOf(id) ?? written;
    const { http, rpc, clientRpc } = addresses ?? {};
    return { id, suffrage, http, rpc, clientRpc };
  }

  /** Of a member that is none yet nothing is known but its place. */
  of(member: Member): MemberView {
    const { self, versionOf, lag, monotonicMs, silentMsMax } = this.#parts;
    const status = this.#parts.node.status();
    const own = member.id === self;
    const peer = status.peers.find(({ id }) => id === member.id);
    const leads = status.role === "leader";
    const nowMs = monotonicMs();
    // Of the others only a leader hears; of itself every node knows that it is there.
    const health = leads || own
      ? healthOf(member.id, { self, status, nowMs, silentMsMax })
      : "unheard";
    const healthy = health === "unheard" ? undefined : health === "healthy";
    return {
      ...this.place(member),
      role: own ? status.role : roleOfPeer({ leads: status.leader === member.id, healthy }),
      match: leads ? (own ? status.stableIndex : peer?.match) : undefined,
      applied: own ? status.applied : peer?.applied,
      lagMs: leads ? (own ? 0 : lag.msOf(member.id, nowMs)) : undefined,
      healthy,
      version: versionOf(member.id),
    };
  }
}

/** Who answers a leader follows it; of who is silent nobody knows what it does. */
function roleOfPeer(
  peer: { readonly leads: boolean; readonly healthy: boolean | undefined },
): Role | undefined {
  if (peer.leads) return "leader";
  return peer.healthy === true ? "follower" : undefined;
}
