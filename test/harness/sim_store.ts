/**
 * kv.db of a simulated node: outlives the process, runs full, breaks, and can be copied. A kill
 * takes the open transaction; a power cut takes committed ones as well, from a moment drawn at
 * random on, but none from before the last commit that was made durable.
 */

import { type Change, KvFullError, type KvMeta, type KvTables } from "../../src/kv/ports.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";

interface Append {
  readonly change: Change;
  readonly over: "live" | "dead" | "absent";
}

interface Commit {
  readonly appends: readonly Append[];
  readonly meta: KvMeta;
  readonly how: "normal" | "durable";
}

export class SimStore {
  readonly tables: KvTables;
  /** Nothing can be written. */
  isFull = false;
  /** Every read finds a row that does not match its checksum. */
  isDamaged = false;
  readonly #makeTables: () => KvTables;
  readonly #commits: Commit[] = [];
  #open: Append[] = [];

  /** `makeTables`: where the rows are, in memory unless given. */
  constructor(makeTables: () => KvTables = () => new MemoryKvTables()) {
    this.#makeTables = makeTables;
    const tables = makeTables();
    this.tables = tables;
    const live = tables.live.bind(tables);
    tables.live = (key) => {
      if (this.isDamaged) throw new FatalStorageError("kv.db has a damaged row");
      return live(key);
    };
    const append = tables.append.bind(tables);
    const commit = tables.commit.bind(tables);
    const rollback = tables.rollback.bind(tables);
    tables.append = (change, over) => {
      this.#refuseWhenFull();
      append(change, over);
      this.#open.push({ change, over });
    };
    tables.commit = (meta, how) => {
      this.#refuseWhenFull();
      commit(meta, how);
      this.#commits.push({ appends: this.#open, meta, how });
      this.#open = [];
    };
    tables.rollback = () => {
      rollback();
      this.#open = [];
    };
  }

  /** One that holds nothing, on tables of the same kind. */
  empty(): SimStore {
    return new SimStore(this.#makeTables);
  }

  /** What was committed. */
  copy(): SimStore {
    return this.#copyOf(this.#commits);
  }

  /** What a power cut leaves: of the commits that nobody synced the oldest, drawn at random. */
  afterPowerCut(prng: Prng): SimStore {
    const synced = this.#commits.findLastIndex(({ how }) => how === "durable") + 1;
    const kept = synced + prng.below(this.#commits.length - synced + 1);
    return this.#copyOf(this.#commits.slice(0, kept));
  }

  #copyOf(commits: readonly Commit[]): SimStore {
    const copy = this.empty();
    for (const { appends, meta, how } of commits) {
      for (const { change, over } of appends) copy.tables.append(change, over);
      copy.tables.commit(meta, how);
    }
    return copy;
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new KvFullError("kv.db could not be written: the disk is full");
  }
}
