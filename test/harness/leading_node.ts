/** A leader over which changes of members are asked for, and come into force at once. */

import type { ConfigurationOutcome } from "../../src/node/configuration_changes.ts";
import type { PeerStatus } from "../../src/raft/status.ts";
import type { Configuration, Member, Suffrage } from "../../src/raft/types.ts";
import type {
  MembershipAnswer,
  MembershipChange,
  MembershipRequest,
} from "../../src/service/contract.ts";
import { ServiceError } from "../../src/service/errors.ts";
import { ServedFakeNode, within } from "./served_node.ts";
import { assert } from "./test.ts";
import { until } from "./wait.ts";

export const commitIndex = 5_000;

function addressesOf(id: number) {
  return { rpc: `n${id}:1`, http: `http://n${id}:2` };
}

export function memberOf(id: number, suffrage: Suffrage = "voter"): Member {
  const incarnation = id.toString(16).padStart(16, "0");
  return { id, incarnation, suffrage, addresses: addressesOf(id) };
}

export const newcomer = { incarnation: memberOf(4).incarnation, addresses: addressesOf(4) };

/** Node 1, which leads; what it is asked to change comes into force at once. */
export class LeadingNode {
  /** What it stands on. */
  readonly below = new ServedFakeNode();
  readonly node = this.below.node;
  readonly cluster = this.below.cluster;
  /** Peers that are not as they should be. */
  readonly ill = new Map<number, Partial<PeerStatus>>();
  /** The members of each configuration that was proposed. */
  readonly steps: string[] = [];
  readonly #listeners: number;

  constructor(suffrages: Readonly<Record<number, Suffrage>>) {
    this.#listeners = this.node.listeners;
    const members = Object.entries(suffrages).map(([id, each]) => memberOf(Number(id), each));
    const nodeIdMax = Math.max(...members.map(({ id }) => id));
    this.node.current = { ...this.node.current, ...{ termStart: 3, commitIndex } };
    this.force({ members, nodeIdMax }, 17);
    this.node.onChange = ({ what, settle }) => {
      this.steps.push(shown(what.members));
      settle(this.applied(what.members));
    };
    // Whoever is to lead then leads.
    this.node.onTransfer = ({ what, settle }) => {
      this.node.lead(what);
      settle({ kind: "transferred", to: what! });
    };
  }

  /** The configuration is in force, and the leader hears its members. */
  force(configuration: Configuration, index: number): void {
    const position = { index, term: 2 };
    const heardMs = this.below.monotonicMs;
    const peers = configuration.members.filter(({ id }) => id !== 1).map(({ id }): PeerStatus => ({
      ...{ id, mode: "replicating", match: commitIndex, next: commitIndex + 1 },
      ...{ hasAnswered: true, wantsSnapshot: false, applied: commitIndex, heardMs },
      ...this.ill.get(id),
    }));
    this.node.current = {
      ...this.node.current,
      ...{ peers, configuration: { position, configuration }, configurationCommitted: true },
    };
    this.node.applied();
  }

  applied(members: readonly Member[]): ConfigurationOutcome {
    const { position, configuration } = this.node.current.configuration;
    const index = position.index + 1;
    const nodeIdMax = Math.max(configuration.nodeIdMax, ...members.map(({ id }) => id));
    this.force({ members: [...members].sort((a, b) => a.id - b.id), nodeIdMax }, index);
    return { kind: "applied", position: { index, term: 2 } };
  }

  /** So it is from now on. */
  hears(id: number, peer: Partial<PeerStatus>): void {
    this.ill.set(id, peer);
    const { configuration, position } = this.node.current.configuration;
    this.force(configuration, position.index);
  }

  change(
    change: MembershipChange,
    more: Partial<MembershipRequest> = {},
    timeoutMs = 20_000,
  ): Promise<MembershipAnswer> {
    return this.cluster.changeMembers({ change, dryRun: false, ...more }, within(timeoutMs));
  }

  /** A change has come to a point where it waits. */
  async waits(): Promise<void> {
    await until(() => this.node.listeners > this.#listeners, { what: "the change to wait" });
  }

  get config(): Configuration {
    return this.node.current.configuration.configuration;
  }
}

function shown(members: readonly Member[]): string {
  return [...members].sort((a, b) => a.id - b.id)
    .map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

export const dead = { heardMs: -100_000 };
export const three = { 1: "voter", 2: "voter", 3: "voter" } as const;
export const add = { kind: "add", member: newcomer, suffrage: "learner" } as const;
export const remove = (id: number): MembershipChange => ({ kind: "remove", id });
export const set = (id: number, suffrage: Suffrage): MembershipChange => ({
  kind: "setSuffrage",
  id,
  suffrage,
});
export const replace = (id: number): MembershipChange => ({ kind: "replace", id, by: newcomer });

/** What it was refused with. */
export async function errorOf(promise: Promise<unknown>): Promise<ServiceError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  return error instanceof ServiceError ? error : assert.fail(`It came to ${String(error)}`);
}
