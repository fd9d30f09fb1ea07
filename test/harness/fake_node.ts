/** The node below the services, with every outcome at the tester's command. */

import type { Answer, Query } from "../../src/kv/query.ts";
import type { Result } from "../../src/kv/result.ts";
import type { NodeStatus } from "../../src/node/parts.ts";
import type { ConfigurationOutcome } from "../../src/node/configuration_changes.ts";
import type { ProposeOutcome } from "../../src/node/pending.ts";
import type { ReadOutcome } from "../../src/node/readers.ts";
import type { TransferOutcome } from "../../src/node/transfers.ts";
import type { Leadership } from "../../src/raft/ready.ts";
import type { ConfigurationChange, Index, LogPosition, NodeId } from "../../src/raft/types.ts";
import type { ServedNode } from "../../src/service/node_port.ts";
import { nodeStatus } from "./node_status.ts";

/** One thing that was asked of the node. */
export interface AskedOf<What, Outcome> {
  readonly what: What;
  readonly deadlineMs: number;
  readonly settle: (outcome: Outcome) => void;
}

/** A change of members, and the configuration that it starts from. */
export interface AskedChange extends ConfigurationChange {
  readonly expected: LogPosition;
}

/** Node 1; what is asked waits in lists until the test settles it. */
export class FakeNode implements ServedNode {
  current: NodeStatus = nodeStatus();
  clusterTime: number | undefined;
  /** Whether the log may be compacted. */
  compacts = true;
  lease: Index | undefined;
  /** How often its status was asked for. */
  looks = 0;
  readonly proposals: AskedOf<Uint8Array, ProposeOutcome<Result>>[] = [];
  readonly reads: AskedOf<undefined, ReadOutcome>[] = [];
  /** Reads that were taken back, settled ones included. */
  readonly takenBack: AskedOf<undefined, ReadOutcome>[] = [];
  readonly transfers: AskedOf<NodeId | undefined, TransferOutcome>[] = [];
  readonly changes: AskedOf<AskedChange, ConfigurationOutcome>[] = [];
  /** Called at once when something is asked, before it is put into its list. */
  onPropose: (asked: AskedOf<Uint8Array, ProposeOutcome<Result>>) => void = () => {};
  onRead: (asked: AskedOf<undefined, ReadOutcome>) => void = () => {};
  onTransfer: (asked: AskedOf<NodeId | undefined, TransferOutcome>) => void = () => {};
  onChange: (asked: AskedOf<AskedChange, ConfigurationOutcome>) => void = () => {};
  /** What the store answers; undefined while it cannot be read. */
  answer: (query: Query) => Answer | undefined = () => undefined;
  readonly #leadershipHandlers = new Set<(leadership: Leadership) => void>();
  readonly #appliedHandlers = new Set<() => void>();

  propose(
    what: Uint8Array,
    deadlineMs: number,
    settle: (outcome: ProposeOutcome<Result>) => void,
  ): void {
    const asked = { what, deadlineMs, settle };
    this.proposals.push(asked);
    this.onPropose(asked);
  }

  readIndex(deadlineMs: number, settle: (outcome: ReadOutcome) => void): () => void {
    const asked = { what: undefined, deadlineMs, settle };
    this.reads.push(asked);
    this.onRead(asked);
    return () => void this.takenBack.push(asked);
  }

  readNow(query: Query): Answer | undefined {
    return this.answer(query);
  }

  transferLeadership(
    what: NodeId | undefined,
    deadlineMs: number,
    settle: (outcome: TransferOutcome) => void,
  ): void {
    const asked = { what, deadlineMs, settle };
    this.transfers.push(asked);
    this.onTransfer(asked);
  }

  changeConfiguration(
    { members }: ConfigurationChange,
    expected: LogPosition,
    deadlineMs: number,
    settle: (outcome: ConfigurationOutcome) => void,
  ): void {
    const asked = { what: { members, expected }, deadlineMs, settle };
    this.changes.push(asked);
    this.onChange(asked);
  }

  requestCompaction(): boolean {
    return this.compacts;
  }

  status(): NodeStatus {
    this.looks++;
    return this.current;
  }

  stalenessMs(): number {
    return this.current.stalenessMs;
  }

  leaseIndex(): Index | undefined {
    return this.lease;
  }

  clusterTimeMs(): number | undefined {
    return this.clusterTime;
  }

  onLeadership(handler: (leadership: Leadership) => void): () => void {
    this.#leadershipHandlers.add(handler);
    return () => this.#leadershipHandlers.delete(handler);
  }

  onApplied(handler: () => void): () => void {
    this.#appliedHandlers.add(handler);
    return () => this.#appliedHandlers.delete(handler);
  }

  /** How many listen, for tests of what is left behind. */
  get listeners(): number {
    return this.#leadershipHandlers.size + this.#appliedHandlers.size;
  }

  /** Makes `leader` lead, as this node sees it, and tells whoever listens. */
  lead(leader: NodeId | undefined): void {
    const role = leader === 1 ? "leader" : "follower";
    this.current = { ...this.current, leader, role, term: this.current.term + 1 };
    const { term } = this.current;
    const reason = leader === 1 ? "electionWon" : "leaderFound";
    for (const handler of this.#leadershipHandlers) {
      handler({ role, term, reason, ...(leader !== undefined && { leader }) });
    }
  }

  /** The store has applied a page. */
  applied(): void {
    for (const handler of [...this.#appliedHandlers]) handler();
  }
}
