/**
 * Ends leases whose time is over, and moves cluster time on while somebody waits for it: work of
 * the leader, done by commands. What it looks at may be behind its log; apply decides, by the time
 * and the deadline that the command carries, so that nothing ends early and a leader that was
 * deposed ends nothing.
 */

import type { ExpireLeases, Operation } from "../kv/command.ts";
import { encodeCommand } from "../kv/command_encoding.ts";
import type { LeaseId } from "../kv/record.ts";
import type { Result } from "../kv/result.ts";
import type { ServedNode } from "./node_port.ts";

/** How often {@link LeaseKeeper.look} is to be called. */
export const leaseLookEveryMs = 100;
/** Cluster time stands still for no longer while there is a lease, ms. */
const timeEntryAfterMs = 500;
/**
 * Leases that one command ends at most: each costs more than the write that made it, and until all
 * of them have ended, nothing else is done.
 */
const leasesPerCommand = 200;
/** A command that is not settled by then may be proposed again. */
const patienceMs = 5_000;

/** What the keeper asks the store. */
export interface LeasedStore {
  readonly clusterTimeMs: number;
  readonly hasLeases: boolean;
  due(
    nowMs: number,
    countMax: number,
  ): readonly { readonly id: LeaseId; readonly deadlineMs: number }[];
}

/** What the keeper stands on. */
export interface LeaseKeeperParts {
  readonly node: Pick<ServedNode, "propose" | "clusterTimeMs">;
  readonly store: LeasedStore;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

/** See the head of this file. */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  /** A command is under way: looking again would propose the same. */
  #isWaiting = false;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  /** Does nothing where this node does not lead. */
  look(): void {
    const { node, store } = this.#parts;
    const nowMs = node.clusterTimeMs();
    if (nowMs === undefined || this.#isWaiting || !store.hasLeases) return;
    const leases = store.due(nowMs, leasesPerCommand);
    if (leases.length > 0) this.#expire(leases);
    else if (nowMs - store.clusterTimeMs >= timeEntryAfterMs) this.#propose({ kind: "nothing" });
  }

  /**
   * Where there may be more, they do not wait for the next look: leases that were ended more slowly
   * than they are granted would be ever more, and end ever later.
   */
  #expire(leases: ExpireLeases["leases"]): void {
    this.#propose({ kind: "expireLeases", leases }, (result) => {
      const ended = result.kind === "ended" ? result.leases : 0;
      if (ended > 0 && (ended < leases.length || ended === leasesPerCommand)) this.look();
    });
  }

  /** `next` is called when it is applied. */
  #propose(operation: Operation, next: (result: Result) => void = () => {}): void {
    const { node, monotonicMs, wallMs } = this.#parts;
    this.#isWaiting = true;
    const data = encodeCommand({ wallMs: wallMs(), operation });
    node.propose(data, monotonicMs() + patienceMs, (outcome) => {
      this.#isWaiting = false;
      if (outcome.kind === "applied") next(outcome.result);
    });
  }
}
