/**
 * Keepalives that come in one turn of the loop go into one entry of the log: those of a thousand
 * leases cost little more than one. Each is answered as if it were alone.
 */

import type { KeepLeases } from "../kv/command.ts";
import { leasesPerCommandMax } from "../kv/refusals.ts";
import type { Result } from "../kv/result.ts";
import type { ProposeOutcome } from "../node/pending.ts";

/** What becomes of a proposal. */
type Settle = (outcome: ProposeOutcome<Result>) => void;

/** Proposes one command; as a node does. */
type Propose = (operation: KeepLeases, deadlineMs: number, settle: Settle) => void;

/** Deadlines are rounded up to a multiple of this, so that many are the same. */
const deadlineStepMs = 50;

/** Those that are proposed together. */
interface Group {
  readonly deadlineMs: number;
  readonly ids: string[];
  readonly members: { readonly count: number; readonly settle: Settle }[];
}

/** See the head of this file. */
export class Keepalives {
  readonly #propose: Propose;
  readonly #soon: (run: () => void) => void;
  /** By deadline, of this turn. */
  readonly #groups = new Map<number, Group>();

  /** `soon` calls back after the events that wait now. */
  constructor(propose: Propose, soon: (run: () => void) => void) {
    this.#propose = propose;
    this.#soon = soon;
  }

  /** As `propose`; `settle` is called up to 50 ms later than the deadline says. */
  keep({ ids }: KeepLeases, deadlineMs: number, settle: Settle): void {
    const isFirst = this.#groups.size === 0;
    const group = this.#groupOf(deadlineMs, ids.length);
    group.ids.push(...ids);
    group.members.push({ count: ids.length, settle });
    if (isFirst) this.#soon(() => this.#proposeAll());
  }

  #groupOf(exactMs: number, count: number): Group {
    const deadlineMs = Math.ceil(exactMs / deadlineStepMs) * deadlineStepMs;
    const known = this.#groups.get(deadlineMs);
    if (known !== undefined && known.ids.length + count <= leasesPerCommandMax) return known;
    // One that is full goes at once.
    if (known !== undefined) this.#proposeGroup(known);
    const group = { deadlineMs, ids: [], members: [] };
    this.#groups.set(deadlineMs, group);
    return group;
  }

  #proposeAll(): void {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    for (const group of groups) this.#proposeGroup(group);
  }

  #proposeGroup({ ids, members, deadlineMs }: Group): void {
    this.#propose({ kind: "keepLeases", ids }, deadlineMs, (outcome) => {
      let from = 0;
      for (const { count, settle } of members) {
        settle(partOf(outcome, from, from + count));
        from += count;
      }
    });
  }
}

/** The outcome for the leases from `from` to `to`. */
function partOf(
  outcome: ProposeOutcome<Result>,
  from: number,
  to: number,
): ProposeOutcome<Result> {
  if (outcome.kind !== "applied" || outcome.result.kind !== "kept") return outcome;
  const { result } = outcome;
  return { ...outcome, result: { ...result, leases: result.leases.slice(from, to) } };
}
