/**
 * What must hold of several cores together (paper figure 3), checked at every event from what each
 * of them says, writes and applies. One object watches one run, restarts of nodes included.
 */

import type { Envelope } from "../../src/raft/message.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { RaftStatus } from "../../src/raft/status.ts";
import type { Entry, Index, LogPosition, Member, NodeId, Term } from "../../src/raft/types.ts";
import { RaftInvariantError, type RaftNode } from "./raft_node.ts";

interface Known {
  readonly term: Term;
  readonly crc32c: number;
}

export class RaftChecks {
  readonly #nodes: ReadonlyMap<NodeId, RaftNode>;
  readonly #leaders = new Map<Term, NodeId>();
  /** By `node/term`: whom the node has told that it votes for. */
  readonly #votes = new Map<string, NodeId>();
  /** By `index@term`: checksum of the entry, and the term of the one before it. */
  readonly #entries = new Map<string, { readonly crc32c: number; readonly before: Term }>();
  /** Entry 1 stands here from the start. */
  readonly #committed: Known[] = [];
  /** Disks that lost something durable make copies fewer than the leader may believe. */
  copiesWereLost = false;

  constructor(nodes: ReadonlyMap<NodeId, RaftNode>, first: Entry) {
    this.#nodes = nodes;
    this.#committed[1] = first;
  }

  /** The highest index that any leader has committed. */
  get committedIndex(): Index {
    return this.#committed.length - 1;
  }

  get elections(): number {
    return this.#leaders.size;
  }

  stepped(node: RaftNode, before: RaftStatus, after: RaftStatus): void {
    const led = before.role === "leader" && before.term === after.term;
    if (after.role === "leader" && !led) this.#elected(node, after);
    // A leader that removes itself commits and steps down at once.
    const commits = after.commitIndex > before.commitIndex;
    if (commits && (led || after.role === "leader")) this.#commits(node, before, after);
  }

  /** Election Safety and Leader Completeness (paper §5.2, §5.4). */
  #elected(node: RaftNode, status: RaftStatus): void {
    const other = this.#leaders.get(status.term);
    if (other !== undefined && other !== node.id) {
      throw new RaftInvariantError(`Nodes ${other} and ${node.id} both lead term ${status.term}`);
    }
    this.#leaders.set(status.term, node.id);
    const termStart = status.termStart ?? 0;
    for (let index = this.committedIndex; index > 0; index--) {
      const held = index < termStart ? this.#held(node, index) : undefined;
      if (held !== undefined && isSame(held, this.#committed[index]!)) continue;
      throw new RaftInvariantError(
        `Node ${node.id} leads term ${status.term} without the committed entry ${index}`,
      );
    }
  }

  /**
   * What is committed is durable on a quorum of the configuration that committed it, and ends with
   * an entry of the leader's own term (paper §5.4.2).
   */
  #commits(node: RaftNode, before: RaftStatus, after: RaftStatus): void {
    const { configuration } = before.configuration;
    if (after.commitIndex < (before.termStart ?? 0)) {
      throw new RaftInvariantError(
        `Node ${node.id} commits ${after.commitIndex} by counting, which is of an earlier term`,
      );
    }
    const from = Math.min(before.commitIndex + 1, this.#committed.length);
    for (let index = from; index <= after.commitIndex; index++) {
      const isOlder = index < (before.termStart ?? after.termStart ?? 0);
      const term = isOlder ? node.disk.entry(index)?.term : after.term;
      let known = this.#committed[index];
      const holds = (id: NodeId): boolean => {
        const holder = this.#nodes.get(id);
        const held = holder && this.#held(holder, index);
        if (held === undefined || held.term !== term) return false;
        known ??= held;
        return true;
      };
      const durable = isMajority(configuration.members, holds) &&
        (configuration.outgoing === undefined || isMajority(configuration.outgoing, holds));
      if (!durable && !this.copiesWereLost) {
        throw new RaftInvariantError(`Entry ${index}@${term} is committed, not held by a quorum`);
      }
      if (known === undefined) continue;
      if (known.term !== term) {
        throw new RaftInvariantError(`Entry ${index} is committed as ${known.term} and ${term}`);
      }
      this.#committed[index] ??= known;
    }
  }

  sent(envelope: Envelope): void {
    const { from, to, term, message } = envelope;
    const disk = this.#nodes.get(from)!.disk;
    if (message.kind === "requestVoteReply" && message.voteGranted) {
      this.#voted(from, term, to);
      if (disk.hardState.currentTerm !== term || disk.hardState.votedFor !== to) {
        throw new RaftInvariantError(
          `Node ${from} tells a vote of term ${term} before it is durable`,
        );
      }
    }
    if (message.kind === "requestVote") {
      this.#voted(from, term, from);
      if (disk.hardState.currentTerm !== term || disk.hardState.votedFor !== from) {
        throw new RaftInvariantError(`Node ${from} asks for votes before its own is durable`);
      }
    }
    if (message.kind !== "appendEntriesReply" || message.result.kind !== "matched") return;
    const { position } = message.result;
    const held = position.index === 0
      ? 0
      : this.#held(this.#nodes.get(from)!, position.index)?.term;
    if (held !== position.term) {
      throw new RaftInvariantError(
        `Node ${from} acknowledges ${position.index}@${position.term}, and holds ${held}`,
      );
    }
  }

  /** What a node holds there: what its log no longer holds is what is committed. */
  #held({ disk }: RaftNode, index: Index): Known | undefined {
    return index <= disk.boundary.position.index ? this.#committed[index] : disk.entry(index);
  }

  /** Only what is committed is compacted, or comes as an image. */
  adopted(node: RaftNode, { index, term }: LogPosition): void {
    if (this.#committed[index]?.term === term) return;
    throw new RaftInvariantError(`Node ${node.id}: ${index}@${term} is not committed`);
  }

  /** Paper §5.2: at most one vote a term, restarts included. */
  #voted(voter: NodeId, term: Term, candidate: NodeId): void {
    const key = `${voter}/${term}`;
    const before = this.#votes.get(key) ?? candidate;
    if (before !== candidate) {
      throw new RaftInvariantError(`Node ${voter} votes for ${before} and ${candidate} in ${term}`);
    }
    this.#votes.set(key, candidate);
  }

  /**
   * Log Matching (paper §5.3), by induction over neighbours. Cluster time never falls along a log.
   */
  finished(node: RaftNode, write: LogWrite): void {
    const { boundary } = node.disk;
    if (boundary.position.index > 0) this.adopted(node, boundary.position);
    for (const { index, term, timeMs, crc32c } of write.entries) {
      // It may have been compacted by the write that brought it.
      if (index <= boundary.position.index) continue;
      const neighbour = index - 1 === boundary.position.index
        ? { term: boundary.position.term, timeMs: boundary.timeMs }
        : node.disk.entry(index - 1);
      const before = neighbour?.term ?? 0;
      if (timeMs < (neighbour?.timeMs ?? 0)) {
        throw new RaftInvariantError(`Cluster time falls at ${index}@${term}: ${timeMs}`);
      }
      const key = `${index}@${term}`;
      const known = this.#entries.get(key);
      if (known === undefined) {
        this.#entries.set(key, { crc32c, before });
      } else if (known.crc32c !== crc32c || known.before !== before) {
        throw new RaftInvariantError(`Node ${node.id} holds another entry ${key} than others`);
      }
    }
  }

  /** State Machine Safety (paper §5.4.3): only what is committed, everywhere the same. */
  applied(node: RaftNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const known = this.#committed[entry.index];
      if (known !== undefined && isSame(known, entry)) continue;
      throw new RaftInvariantError(
        `Node ${node.id} applies ${entry.index}@${entry.term}, committed is ${
          known === undefined ? "nothing there" : `term ${known.term}`
        }`,
      );
    }
  }
}

/** Counted anew, so that a mistake in the core's own counting does not excuse itself. */
function isMajority(members: readonly Member[], holds: (id: NodeId) => boolean): boolean {
  const voters = members.filter(({ suffrage }) => suffrage === "voter");
  return 2 * voters.filter(({ id }) => holds(id)).length > voters.length;
}

function isSame(a: Known, b: Known): boolean {
  return a.term === b.term && a.crc32c === b.crc32c;
}
