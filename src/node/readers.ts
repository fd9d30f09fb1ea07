/**
 * Linearizable reads of this node: all that arrive during one turn share one ReadIndex round, and
 * each is answered once the store has applied the index of its round (thesis §6.4). A round that
 * was dropped is asked for again under a new id, because an answer to the old one may still be
 * under way.
 */

import type { Outcome } from "../raft/ready.ts";
import type { Index, ReadId } from "../raft/types.ts";

/** `diskFull`: the store lacks entries until there is room for them. */
type FailedReason = "noLeader" | "timeout" | "overloaded" | "diskFull" | "closing";

export type ReadOutcome =
  | { readonly kind: "readable"; readonly index: Index }
  | { readonly kind: "failed"; readonly reason: FailedReason };

interface Reader {
  readonly deadlineMs: number;
  readonly settle: (outcome: ReadOutcome) => void;
}

/** Everybody who waits to read linearizably at this node. */
export class Readers {
  readonly #makeId: () => ReadId;
  #arrived: Reader[] = [];
  /** Asked of the core, by the counter of their id. */
  readonly #rounds = new Map<number, readonly Reader[]>();
  /** Confirmed, waiting for the store. */
  #confirmed: { readonly index: Index; readonly readers: readonly Reader[] }[] = [];
  /** There was no leader to ask; asked again when there is one. */
  #leaderless: Reader[] = [];
  #size = 0;

  constructor(makeId: () => ReadId) {
    this.#makeId = makeId;
  }

  add(deadlineMs: number, settle: (outcome: ReadOutcome) => void): void {
    this.#size++;
    const once = (outcome: ReadOutcome): void => {
      this.#size--;
      settle(outcome);
    };
    this.#arrived.push({ deadlineMs, settle: once });
  }

  /** How many wait, at whatever stage. */
  get size(): number {
    return this.#size;
  }

  get hasArrived(): boolean {
    return this.#arrived.length > 0;
  }

  /** One round for all that arrived since the last turn; undefined when nobody did. */
  take(): ReadId | undefined {
    if (!this.hasArrived) return undefined;
    const id = this.#makeId();
    this.#rounds.set(id.counter, this.#arrived);
    this.#arrived = [];
    return id;
  }

  confirmed(id: ReadId, index: Index): void {
    const readers = this.#rounds.get(id.counter);
    if (readers === undefined) return;
    this.#rounds.delete(id.counter);
    this.#confirmed.push({ index, readers });
  }

  dropped(id: ReadId, reason: (Outcome & { readonly kind: "readDropped" })["reason"]): void {
    const readers = this.#rounds.get(id.counter);
    if (readers === undefined) return;
    this.#rounds.delete(id.counter);
    if (reason === "overloaded") settleAll(readers, { kind: "failed", reason });
    else if (reason === "noLeader") this.#leaderless = [...this.#leaderless, ...readers];
    else this.#arrived = [...this.#arrived, ...readers];
  }

  /** There is a leader to ask. */
  leaderKnown(): void {
    this.#arrived = [...this.#arrived, ...this.#leaderless];
    this.#leaderless = [];
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

  /** Nobody is kept waiting. */
  refuse(reason: "diskFull" | "closing"): void {
    this.#fail(Infinity, reason, reason);
  }

  /** Settles whoever's deadline is over; whoever asks again when told so is not among them. */
  #fail(nowMs: number, reason: FailedReason, leaderlessReason: FailedReason): void {
    const late: Reader[] = [];
    const leaderless: Reader[] = [];
    const keep = (readers: readonly Reader[], over = late): Reader[] =>
      readers.filter((reader) => {
        if (reader.deadlineMs <= nowMs) over.push(reader);
        return reader.deadlineMs > nowMs;
      });
    this.#arrived = keep(this.#arrived);
    for (const [counter, readers] of this.#rounds) this.#rounds.set(counter, keep(readers));
    this.#confirmed = this.#confirmed.map(({ index, readers }) => ({
      index,
      readers: keep(readers),
    })).filter(({ readers }) => readers.length > 0);
    this.#leaderless = keep(this.#leaderless, leaderless);
    settleAll(late, { kind: "failed", reason });
    settleAll(leaderless, { kind: "failed", reason: leaderlessReason });
  }
}

function settleAll(readers: readonly Reader[], outcome: ReadOutcome): void {
  for (const { settle } of readers) settle(outcome);
}
