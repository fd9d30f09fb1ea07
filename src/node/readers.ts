/**
 * Linearizable reads of this node: all that arrive during one turn share one ReadIndex round, and
 * each is answered once the store has applied the index of its round (thesis §6.4). A round that
 * was dropped is asked for again under a new id, because an answer to the old one may still be
 * under way.
 */

import type { Outcome } from "../raft/ready.ts";
import type { Index, ReadId } from "../raft/types.ts";

type FailedReason = "noLeader" | "timeout" | "overloaded" | "closing";

export type ReadOutcome =
  | { readonly kind: "readable"; readonly index: Index }
  | { readonly kind: "failed"; readonly reason: FailedReason };

export type ReadLevelAsked = "quorum" | "lease";

interface Reader {
  readonly deadlineMs: number;
  readonly settle: (outcome: ReadOutcome) => void;
}

interface Round {
  readonly level: ReadLevelAsked;
  readonly readers: readonly Reader[];
}

/** Everybody who waits to read linearizably, or by lease, at this node. */
export class Readers {
  readonly #makeId: () => ReadId;
  readonly #arrived: Record<ReadLevelAsked, Reader[]> = { quorum: [], lease: [] };
  /** Asked of the core, by the counter of their id. */
  readonly #rounds = new Map<number, Round>();
  /** Confirmed, waiting for the store. */
  #confirmed: { readonly index: Index; readonly readers: readonly Reader[] }[] = [];
  /** There was no leader to ask; asked again when there is one. */
  #leaderless: Round[] = [];
  #size = 0;

  constructor(makeId: () => ReadId) {
    this.#makeId = makeId;
  }

  add(
    level: ReadLevelAsked,
    deadlineMs: number,
    settle: (outcome: ReadOutcome) => void,
  ): void {
    this.#size++;
    const once = (outcome: ReadOutcome): void => {
      this.#size--;
      settle(outcome);
    };
    this.#arrived[level].push({ deadlineMs, settle: once });
  }

  /** How many wait, at whatever stage. */
  get size(): number {
    return this.#size;
  }

  get hasArrived(): boolean {
    return this.#arrived.quorum.length + this.#arrived.lease.length > 0;
  }

  /** One round a level for all that arrived since the last turn. */
  take(): readonly { readonly id: ReadId; readonly level: ReadLevelAsked }[] {
    const asked: { id: ReadId; level: ReadLevelAsked }[] = [];
    for (const level of ["quorum", "lease"] as const) {
      const readers = this.#arrived[level];
      if (readers.length === 0) continue;
      this.#arrived[level] = [];
      const id = this.#makeId();
      this.#rounds.set(id.counter, { level, readers });
      asked.push({ id, level });
    }
    return asked;
  }

  confirmed(id: ReadId, index: Index): void {
    const round = this.#rounds.get(id.counter);
    if (round === undefined) return;
    this.#rounds.delete(id.counter);
    this.#confirmed.push({ index, readers: round.readers });
  }

  dropped(id: ReadId, reason: (Outcome & { readonly kind: "readDropped" })["reason"]): void {
    const round = this.#rounds.get(id.counter);
    if (round === undefined) return;
    this.#rounds.delete(id.counter);
    if (reason === "overloaded") settleAll(round.readers, { kind: "failed", reason });
    else if (reason === "noLeader") this.#leaderless.push(round);
    else this.#arrived[round.level].push(...round.readers);
  }

  /** There is a leader to ask. */
  leaderKnown(): void {
    for (const { level, readers } of this.#leaderless.splice(0)) {
      this.#arrived[level].push(...readers);
    }
  }

  /** The store has applied `index`. */
  applied(index: Index): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter((round) => round.index <= index);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((round) => round.index > index);
    for (const round of ready) {
      settleAll(round.readers, { kind: "readable", index: round.index });
    }
  }

  expire(nowMs: number): void {
    this.#fail(nowMs, "timeout", "noLeader");
  }

  close(): void {
    this.#fail(Infinity, "closing", "closing");
  }

  /** Settles whoever's deadline is over. */
  #fail(nowMs: number, reason: FailedReason, leaderlessReason: FailedReason): void {
    const timeout = { kind: "failed", reason } as const;
    for (const level of ["quorum", "lease"] as const) {
      this.#arrived[level] = keep(this.#arrived[level], nowMs, timeout);
    }
    for (const [counter, round] of this.#rounds) {
      this.#rounds.set(counter, { ...round, readers: keep(round.readers, nowMs, timeout) });
    }
    this.#confirmed = this.#confirmed.map(({ index, readers }) => ({
      index,
      readers: keep(readers, nowMs, timeout),
    })).filter(({ readers }) => readers.length > 0);
    const noLeader = { kind: "failed", reason: leaderlessReason } as const;
    this.#leaderless = this.#leaderless.map(({ level, readers }) => ({
      level,
      readers: keep(readers, nowMs, noLeader),
    })).filter(({ readers }) => readers.length > 0);
  }
}

function keep(readers: readonly Reader[], nowMs: number, expired: ReadOutcome): Reader[] {
  if (readers.every(({ deadlineMs }) => deadlineMs > nowMs)) return [...readers];
  settleAll(readers.filter(({ deadlineMs }) => deadlineMs <= nowMs), expired);
  return readers.filter(({ deadlineMs }) => deadlineMs > nowMs);
}

function settleAll(readers: readonly Reader[], outcome: ReadOutcome): void {
  for (const { settle } of readers) settle(outcome);
}
