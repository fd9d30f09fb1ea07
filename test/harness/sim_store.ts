/** kv.db of a simulated node: outlives the process, runs full, and can be copied. */

import { type Change, KvFullError, type KvMeta } from "../../src/kv/ports.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";

interface Append {
  readonly change: Change;
  readonly over: "live" | "dead" | "absent";
}

export class SimStore {
  readonly tables = new MemoryKvTables();
  /** Nothing can be written. */
  isFull = false;
  /** Every read finds a row that does not match its checksum. */
  isDamaged = false;
  readonly #committed: Append[] = [];
  #open: Append[] = [];

  constructor() {
    const { tables } = this;
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
    tables.commit = (meta: KvMeta) => {
      this.#refuseWhenFull();
      commit(meta);
      this.#committed.push(...this.#open.splice(0));
    };
    tables.rollback = () => {
      rollback();
      this.#open = [];
    };
  }

  /** What was committed. */
  copy(): SimStore {
    const copy = new SimStore();
    for (const { change, over } of this.#committed) copy.tables.append(change, over);
    copy.tables.commit(this.tables.stored());
    return copy;
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new KvFullError("kv.db could not be written: the disk is full");
  }
}
