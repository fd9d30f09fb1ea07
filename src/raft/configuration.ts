/**
 * Who belongs to the cluster, and how that may change: joint consensus (thesis §4.3) for any change
 * of voters, a single entry for anything else. A configuration takes effect when it is appended,
 * and stops when it is truncated.
 */

import { assert, assertDefined } from "../lib/assert.ts";
import type { VoterSets } from "./quorum.ts";
import type {
  Configuration,
  ConfigurationChange,
  Index,
  Member,
  NodeId,
  PositionedConfiguration,
  Term,
} from "./types.ts";

/**
 * The term of entry 1, the first configuration, in which every node of a cluster is born. It has no
 * leader: the first election is for the next one.
 */
export const birthTerm: Term = 1;

/** True while C_old counts beside C_new. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing !== undefined;
}

/** The voters of C_new, and of C_old while the configuration is joint. */
export function voterSets(configuration: Configuration): VoterSets {
  const sets = [votersOf(configuration.members)];
  if (configuration.outgoing !== undefined) sets.push(votersOf(configuration.outgoing));
  return sets;
}

/** The ids of those that count in a quorum of `members`. */
export function votersOf(members: readonly Member[]): readonly NodeId[] {
  return members.filter((member) => member.suffrage === "voter").map((member) => member.id);
}

/** A voter of C_new or of C_old. */
export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return voterSets(configuration).some((voters) => voters.includes(id));
}

/** Everybody who gets entries: C_new first, then who is only in C_old. */
export function allMembers(configuration: Configuration): readonly Member[] {
  const outgoing = configuration.outgoing ?? [];
  const leaving = outgoing.filter((old) => !configuration.members.some(({ id }) => id === old.id));
  return [...configuration.members, ...leaving];
}

/** The member with this id, of C_new before C_old; undefined when there is none. */
export function memberOf(configuration: Configuration, id: NodeId): Member | undefined {
  return allMembers(configuration).find((member) => member.id === id);
}

/**
 * Ids are never reused: not listed, but not above the highest ever listed either, means removed.
 */
export function wasRemoved(configuration: Configuration, id: NodeId): boolean {
  return id <= configuration.nodeIdMax && memberOf(configuration, id) === undefined;
}

/**
 * The configuration that starts the change: joint when the set of voters changes, the new one
 * itself when only learners or addresses do. Undefined when the change is none that may follow
 * `present`.
 */
export function startChange(
  present: Configuration,
  change: ConfigurationChange,
): Configuration | undefined {
  assert(!isJoint(present), "A change starts from a configuration that is not joint");
  const members = [...change.members].sort((a, b) => a.id - b.id);
  if (!mayFollow(present, members)) return undefined;
  const nodeIdMax = Math.max(present.nodeIdMax, ...members.map(({ id }) => id));
  const sameVoters = String(votersOf(members)) === String(votersOf(present.members));
  return sameVoters ? { members, nodeIdMax } : { members, outgoing: present.members, nodeIdMax };
}

function mayFollow(present: Configuration, members: readonly Member[]): boolean {
  if (votersOf(members).length === 0) return false;
  return members.every((member, at) => {
    if (!Number.isSafeInteger(member.id) || member.id < 1 || member.id > 0xffff_ffff) return false;
    if (at > 0 && member.id === members[at - 1]!.id) return false;
    const before = memberOf(present, member.id);
    return before === undefined
      ? member.id > present.nodeIdMax
      : before.incarnation === member.incarnation;
  });
}

/** C_new, once C_old,new is committed. */
export function finishChange(joint: Configuration): Configuration {
  assert(isJoint(joint), "Only a joint configuration can be left");
  return { members: joint.members, nodeIdMax: joint.nodeIdMax };
}

/**
 * The configurations that the log holds, base first. Invariants: positions rise strictly; the base
 * is never truncated; the last one is in effect, committed or not (thesis §4.1).
 */
export class ConfigurationHistory {
  #positioned: PositionedConfiguration[];

  constructor(positioned: readonly PositionedConfiguration[]) {
    assert(positioned.length > 0, "A log has a base configuration");
    this.#positioned = [...positioned];
  }

  /** The one in effect. */
  latest(): PositionedConfiguration {
    return assertDefined(this.#positioned.at(-1), "A log has a base configuration");
  }

  /** The last one at or below `index`: the committed one, when asked with the commit index. */
  at(index: Index): PositionedConfiguration {
    for (let i = this.#positioned.length - 1; i > 0; i--) {
      if (this.#positioned[i]!.position.index <= index) return this.#positioned[i]!;
    }
    return assertDefined(this.#positioned[0], "A log has a base configuration");
  }

  /** The one at `index`, and all behind it. */
  from(index: Index): readonly PositionedConfiguration[] {
    return this.#positioned.slice(this.#positioned.indexOf(this.at(index)));
  }

  append(positioned: PositionedConfiguration): void {
    assert(
      positioned.position.index > this.latest().position.index,
      `Configuration ${positioned.position.index} is not above ${this.latest().position.index}`,
    );
    this.#positioned.push(positioned);
  }

  truncateFrom(index: Index): void {
    while (this.#positioned.length > 1 && this.latest().position.index >= index) {
      this.#positioned.pop();
    }
  }

  /** Forgets what lies below the boundary; the configuration in force there becomes the base. */
  compactTo(index: Index): void {
    const base = this.at(index);
    this.#positioned = this.#positioned.slice(this.#positioned.indexOf(base));
  }

  /** A snapshot replaced the log. */
  reset(base: PositionedConfiguration): void {
    this.#positioned = [base];
  }
}
