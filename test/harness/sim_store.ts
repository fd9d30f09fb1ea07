/**
 * kv.db of a simulated node: outlives the process, runs full, breaks, and can be copied. A kill
 * takes the open transaction; a power cut takes committed ones as well, from a moment drawn at
 * random on, but none from before the last commit that was made durable.
 */

import { KvFullError, type KvMeta, type KvTables } from "../../src/kv/ports.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";

/** Makes a change to tables, these or others. */
type Write = (tables: KvTables) => void;

interface Commit {
  readonly writes: readonly Write[];
  readonly meta: KvMeta;
  readonly how: "normal" | "durable";
}

export class SimStore {
  /** Nothing can be written. */
  isFull = false;
  /** Every read finds a row that does not match its checksum. */
  isDamaged = false;
  readonly #makeTables: () => KvTables;
  readonly #commits: Commit[];
  #tables: KvTables | undefined;
  #open: Write[] = [];
  #savepoint = 0;

  /** `makeTables`: where the rows are, in memory unless given. `commits`: what was committed. */
  constructor(
    makeTables: () => KvTables = () => new MemoryKvTables(),
    commits: readonly Commit[] = [],
  ) {
    this.#makeTables = makeTables;
    this.#commits = [...commits];
  }

  /** Made when they are first asked for: most copies are never opened. */
  get tables(): KvTables {
    this.#tables ??= this.#made();
    return this.#tables;
  }

  #made(): KvTables {
    const tables = this.#makeTables();
    for (const { writes, meta, how } of this.#commits) {
      for (const write of writes) write(tables);
      tables.commit(meta, how);
    }
    const live = tables.live.bind(tables);
    tables.live = (key) => {
      if (this.isDamaged) throw new FatalStorageError("kv.db has a damaged row");
      return live(key);
    };
    this.#journal(tables);
    return tables;
  }

  /** Whatever is written goes into the open transaction first, and with it into the commits. */
  #journal(tables: KvTables): void {
    const append = tables.append.bind(tables);
    tables.append = (...given) =>
      this.#write(() => append(...given), (copy) => copy.append(...given));
    const removeChange = tables.removeChange.bind(tables);
    tables.removeChange = (...given) =>
      this.#write(() => removeChange(...given), (copy) => copy.removeChange(...given));
    const forgetDead = tables.forgetDead.bind(tables);
    tables.forgetDead = (...given) =>
      this.#write(() => forgetDead(...given), (copy) => copy.forgetDead(...given));
    const setLedgerRow = tables.setLedgerRow.bind(tables);
    tables.setLedgerRow = (...given) =>
      this.#write(() => setLedgerRow(...given), (copy) => copy.setLedgerRow(...given));
    const deleteLedgerRow = tables.deleteLedgerRow.bind(tables);
    tables.deleteLedgerRow = (...given) =>
      this.#write(() => deleteLedgerRow(...given), (copy) => copy.deleteLedgerRow(...given));
    this.#journalEnds(tables);
  }

  #journalEnds(tables: KvTables): void {
    const commit = tables.commit.bind(tables);
    const rollback = tables.rollback.bind(tables);
    const savepoint = tables.savepoint.bind(tables);
    const backToSavepoint = tables.backToSavepoint.bind(tables);
    tables.savepoint = () => {
      savepoint();
      this.#savepoint = this.#open.length;
    };
    tables.backToSavepoint = () => {
      backToSavepoint();
      this.#open.splice(this.#savepoint);
    };
    tables.commit = (meta, how) => {
      this.#refuseWhenFull();
      commit(meta, how);
      this.#commits.push({ writes: this.#open, meta, how });
      this.#open = [];
    };
    tables.rollback = () => {
      rollback();
      this.#open = [];
    };
  }

  #write(now: () => void, again: Write): void {
    this.#refuseWhenFull();
    now();
    this.#open.push(again);
  }

  /** One that holds nothing, on tables of the same kind. */
  empty(): SimStore {
    return new SimStore(this.#makeTables);
  }

  /** What was committed. */
  copy(): SimStore {
    return new SimStore(this.#makeTables, this.#commits);
  }

  /** What a power cut leaves: of the commits that nobody synced the oldest, drawn at random. */
  afterPowerCut(prng: Prng): SimStore {
    const synced = this.#commits.findLastIndex(({ how }) => how === "durable") + 1;
    const kept = synced + prng.below(this.#commits.length - synced + 1);
    return new SimStore(this.#makeTables, this.#commits.slice(0, kept));
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new KvFullError("kv.db could not be written: the disk is full");
  }
}
