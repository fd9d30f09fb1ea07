/**
 * The identity of a running node: one place changes it, so that no two holders of a copy overwrite
 * each other's changes, and what is read here stands on disk.
 */

import type { NodeId } from "../raft/types.ts";
import { DiskFullError, type Identity, type IdentityStore } from "./ports.ts";

/** Owns the {@link Identity} of one data directory while a program runs on it. */
export class IdentityKeeper {
  readonly #store: IdentityStore;
  #saved: Identity;
  #latest: Identity;
  #isNoting = false;

  /** `identity` is what the store holds. */
  constructor(store: IdentityStore, identity: Identity) {
    this.#store = store;
    this.#saved = identity;
    this.#latest = identity;
  }

  /** As it stands on disk. */
  get identity(): Identity {
    return this.#saved;
  }

  /**
   * Replaces the members that `change` has; `done` once that is synced. Throws what the store's
   * `save` throws, and then nothing has changed.
   */
  change(change: Partial<Identity>, done: () => void = () => {}): void {
    this.replace({ ...this.#latest, ...change }, done);
  }

  /**
   * As {@link change}, for what nobody was promised: it may be lost, where another change comes at
   * the same time or the disk is full, and has to be noted again. Holds nobody up.
   */
  note(change: Partial<Identity>, failed: (error: unknown) => void): void {
    if (this.#isNoting) return;
    const before = this.#latest;
    const noted = { ...before, ...change };
    this.#isNoting = true;
    const done = (): void => {
      this.#isNoting = false;
      if (this.#latest === before) this.#latest = this.#saved = noted;
    };
    this.#store.save(noted, done, (error) => {
      this.#isNoting = false;
      if (error !== undefined && !(error instanceof DiskFullError)) failed(error);
    });
  }

  /** From now on the own store says who belongs to the cluster. Throws as {@link change} does. */
  forgetJoining(): void {
    const { joining: _, ...rest } = this.#latest;
    this.replace(rest, () => {});
  }

  /** Like {@link IdentityKeeper.change}, for a whole identity. */
  replace(changed: Identity, done: () => void): void {
    const before = this.#latest;
    this.#latest = changed;
    try {
      this.#store.save(changed, () => {
        this.#saved = changed;
        done();
      });
    } catch (error) {
      this.#latest = before;
      throw error;
    }
  }
}

/**
 * Finds or makes the identity of a data directory. Each start is counted and written down before
 * the node says a word to anybody: `done` comes after that.
 */
export function identify(
  parts: {
    readonly store: IdentityStore;
    readonly clusterId: string;
    readonly nodeId: NodeId;
    /** Sixteen hexadecimal digits that nobody else draws. */
    readonly drawIncarnation: () => string;
  },
  done: (keeper: IdentityKeeper) => void,
): void {
  const { store, clusterId, nodeId } = parts;
  const known = store.load() ?? {
    ...{ clusterId, nodeId, incarnation: parts.drawIncarnation() },
    ...{ starts: 0, logEpoch: 1, recovering: false },
  };
  const keeper = new IdentityKeeper(store, known);
  keeper.change({ starts: known.starts + 1 }, () => done(keeper));
}
