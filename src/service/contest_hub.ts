/**
 * Wakes those on this node who wait for a lock or an election, when it changes and not before. The
 * store tells how many such changes there were, so that one that has had none costs a comparison,
 * whoever waits.
 */

import { contestPrefix } from "../kv/contest_keys.ts";
import { hex } from "../lib/bytes.ts";
import type { ContestArea } from "./contract.ts";
import type { ServedNode } from "./node_port.ts";

/** What the hub asks the store; KvStateMachine is one. */
export interface ContestedStore {
  /** How many changes there were. */
  readonly contestChanges: number;
  /** What changed after there were `count`; undefined where that is too much to know. */
  contestsChangedSince(count: number): readonly Uint8Array[] | undefined;
}

/** Everybody on this node who waits for a contest. */
export class ContestHub {
  readonly #store: ContestedStore;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop: () => void;
  /** So many changes have been told. */
  #told = 0;

  constructor(node: Pick<ServedNode, "onApplied">, store: ContestedStore) {
    this.#store = store;
    this.#stop = node.onApplied(() => this.#tell());
  }

  /** How many names are waited for. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `wake` after each change of the contest until the returned function is called. */
  add(
    contested: { readonly area: ContestArea; readonly name: Uint8Array },
    wake: () => void,
  ): () => void {
    if (this.#waiting.size === 0) this.#told = this.#store.contestChanges;
    const place = hex(contestPrefix(contested));
    const there = this.#waiting.get(place) ?? new Set();
    this.#waiting.set(place, there);
    there.add(wake);
    return () => {
      there.delete(wake);
      if (there.size === 0 && this.#waiting.get(place) === there) this.#waiting.delete(place);
    };
  }

  close(): void {
    this.#stop();
  }

  #tell(): void {
    if (this.#waiting.size === 0) return;
    const { contestChanges } = this.#store;
    if (contestChanges === this.#told) return;
    const changed = this.#store.contestsChangedSince(this.#told);
    this.#told = contestChanges;
    const places = changed === undefined ? [...this.#waiting.keys()] : new Set(changed.map(hex));
    for (const place of places) for (const wake of this.#waiting.get(place) ?? []) wake();
  }
}
