/** Everybody who waits for this node, by what they wait for. */

import type { Outcome } from "../raft/ready.ts";
import type { Index, LogPosition, PositionedConfiguration } from "../raft/types.ts";
import { ConfigurationChanges } from "./configuration_changes.ts";
import { PendingProposals } from "./pending.ts";
import { Readers, type ReadsFrom } from "./readers.ts";
import { Transfers } from "./transfers.ts";

/** The waiting of one node. */
export class Waiting<Result> {
  readonly proposals = new PendingProposals<Result>();
  readonly changes = new ConfigurationChanges();
  readonly transfers = new Transfers();
  readonly readers: Readers;

  constructor(self: ReadsFrom) {
    this.readers = new Readers(self);
  }

  /** Tells what the core decided. */
  tell(outcome: Outcome): void {
    switch (outcome.kind) {
      case "accepted":
        this.proposals.accepted(outcome.id, outcome.position);
        return this.changes.accepted(outcome.id, outcome.position);
      case "dropped":
        this.proposals.dropped(outcome.id, outcome.reason, outcome.leader);
        return this.changes.dropped(outcome.id, outcome.reason, outcome.leader);
      case "readable":
        return this.readers.confirmed(outcome.id, outcome.index);
      case "readDropped":
        return this.readers.dropped(outcome.id, outcome.reason);
      case "transferred":
        return this.transfers.done(outcome.id, outcome.to);
      case "transferFailed":
        return this.transfers.failed(outcome.id, outcome.reason, outcome.leader);
    }
  }

  /** The store has applied `position`; `newest` tells the newest configuration in the log. */
  applied(position: LogPosition, newest: () => PositionedConfiguration): void {
    this.changes.applied(position, newest);
  }

  expire(nowMs: number): void {
    this.proposals.expire(nowMs);
    this.changes.expire(nowMs);
    this.readers.expire(nowMs);
  }

  /**
   * Another node leads, or none: what was accepted behind `committed` may still commit, or not; the
   * rest will be applied here.
   */
  leadershipLost(committed: Index): void {
    this.proposals.settleAccepted("leadershipLost", committed);
    this.changes.settleAccepted("leadershipLost", committed);
  }

  close(): void {
    this.proposals.settleAccepted("closing");
    this.changes.settleAccepted("closing");
    this.readers.refuse("closing");
    this.transfers.settleAll("closing");
  }
}
