/**
 * Linearizable reads of this node: all that arrive during one turn share one ReadIndex round, and
 * each is answered once the store has applied the index of its round (thesis §6.4). A round that
 * was dropped is asked for again under a new id, because an answer to the old one may still be
 * under way.
 */

import type { Outcome } from "../raft/ready.ts";
import type { Index, NodeId, ReadId } from "../raft/types.ts";

/** `diskFull`: the store lacks entries until there is room for them. */
type FailedReason = "noLeader" | "timeout" | "overloaded" | "diskFull" | "closing";

export type ReadOutcome =
  | { readonly kind: "readable"; readonly index: Index }
  | { readonly kind: "failed"; readonly reason: FailedReason };

interface Reader {
  readonly deadlineMs: number;
  readonly settle: (outcome: ReadOutcome) => void;
  /** Where it waits. Whoever has left its group is settled, or does not want to be. */
  group: Set<Reader>;
}

/** Whose reads they are: no two starts of any node share a nonce. */
export interface ReadsFrom {
  readonly nodeId: NodeId;
  readonly nonce: number;
}

/** Everybody who waits to read linearizably at this node. */
export class Readers {
  readonly #self: ReadsFrom;
  #counter = 0;
  #arrived = new Set<Reader>();
  /** Asked of the core, by the counter of their id. */
  readonly #rounds = new Map<number, Set<Reader>>();
  /** Confirmed, waiting for the store. */
  #confirmed: { readonly index: Index; readonly readers: Set<Reader> }[] = [];
  /** There was no leader to ask; asked again when there is one. */
  readonly #leaderless = new Set<Reader>();
  #size = 0;

  constructor(self: ReadsFrom) {
    this.#self = self;
  }

  /** `settle` is called once, unless the returned function takes the wish back before. */
  add(deadlineMs: number, settle: (outcome: ReadOutcome) => void): () => void {
    const reader = { deadlineMs, settle, group: this.#arrived };
    this.#arrived.add(reader);
    this.#size++;
    return () => void this.#leave(reader);
  }

  /** How many wait, at whatever stage. */
  get size(): number {
    return this.#size;
  }

  get hasArrived(): boolean {
    return this.#arrived.size > 0;
  }

  /** One round for all that arrived since the last turn; undefined when nobody did. */
  take(): ReadId | undefined {
    if (!this.hasArrived) return undefined;
    const { nodeId: node, nonce } = this.#self;
    const id = { node, nonce, counter: ++this.#counter };
    this.#rounds.set(id.counter, this.#arrived);
    this.#arrived = new Set();
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
    if (reason === "overloaded") this.#settleAll(readers, { kind: "failed", reason });
    else move(readers, reason === "noLeader" ? this.#leaderless : this.#arrived);
  }

  /** There is a leader to ask. */
  leaderKnown(): void {
    move(this.#leaderless, this.#arrived);
  }

  /** The store has applied `index`. */
  applied(index: Index): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter((round) => round.index <= index);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((round) => round.index > index);
    for (const round of ready) {
      this.#settleAll(round.readers, { kind: "readable", index: round.index });
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
    if (this.#size === 0) return;
    const leaderless: Reader[] = [];
    const others: Reader[] = [];
    const takeLate = (readers: Set<Reader>, late: Reader[]): void => {
      for (const reader of readers) if (reader.deadlineMs <= nowMs) late.push(reader);
    };
    takeLate(this.#leaderless, leaderless);
    takeLate(this.#arrived, others);
    for (const readers of this.#rounds.values()) takeLate(readers, others);
    for (const { readers } of this.#confirmed) takeLate(readers, others);
    if (others.length + leaderless.length === 0) return;
    this.#settleAll(others, { kind: "failed", reason });
    this.#settleAll(leaderless, { kind: "failed", reason: leaderlessReason });
    this.#confirmed = this.#confirmed.filter(({ readers }) => readers.size > 0);
  }

  #settleAll(readers: Iterable<Reader>, outcome: ReadOutcome): void {
    for (const reader of readers) if (this.#leave(reader)) reader.settle(outcome);
  }

  /** False when it has left already. */
  #leave(reader: Reader): boolean {
    const leaves = reader.group.delete(reader);
    if (leaves) this.#size--;
    return leaves;
  }
}

function move(readers: Set<Reader>, to: Set<Reader>): void {
  for (const reader of readers) {
    readers.delete(reader);
    reader.group = to;
    to.add(reader);
  }
}
