/**
 * Transactions: compares decide which branch is taken; its operations run in order, each seeing
 * what those before it did, all in one revision. If one of them cannot be done, nothing is.
 */

import { assert } from "../lib/assert.ts";
import { applyDelete, tooManyKeys } from "./apply_delete.ts";
import { applyPut } from "./apply_put.ts";
import { type Budget, comparedBytesMax, compareHolds } from "./compares.ts";
import { type KeyTarget, type Txn, type TxnOperation, unconditional } from "./command.ts";
import { storedKey } from "./key_space.ts";
import { rangeNow } from "./reads.ts";
import { changesPerRevisionMax, keyBytesMax, type KvRecord, valueBytesMax } from "./record.ts";
import { rejected } from "./rejected.ts";
import {
  recordsBytesMax,
  recordsMax,
  type Rejected,
  type TxnDone,
  type TxnResult,
} from "./result.ts";
import type { Stamp } from "./stamp.ts";
import type { Store } from "./store.ts";

/** Takes one of the branches, or changes nothing. */
export function applyTxn(store: Store, txn: Txn, stamp: Stamp): TxnDone | Rejected {
  const run = new Run(store, stamp);
  let outcome: TxnDone | Rejected | undefined;
  store.atomically(() => {
    outcome = run.txn(txn);
    return outcome.kind === "txn";
  });
  if (outcome?.kind === "rejected") return { ...outcome, revision: store.revision };
  assert(outcome !== undefined, "The transaction was run");
  return outcome;
}

/** One transaction under way, nested ones included. */
class Run {
  readonly #store: Store;
  readonly #stamp: Stamp;
  readonly #changesMax: number;
  readonly #budget: Budget;
  /** The answer so far: its records, and their keys and values. */
  #records = 0;
  #bytes = 0;

  constructor(store: Store, stamp: Stamp) {
    this.#store = store;
    this.#stamp = stamp;
    this.#changesMax = store.meta.changes + changesPerRevisionMax;
    this.#budget = { keysLeft: changesPerRevisionMax, bytesLeft: comparedBytesMax };
  }

  txn({ compares, then, otherwise }: Txn): TxnDone | Rejected {
    const store = this.#store;
    let succeeded = true;
    for (const compare of compares) {
      const holds = compareHolds(store, compare, this.#budget);
      if (holds === undefined) {
        const reason = `the compares look at more than ${changesPerRevisionMax} keys, or at ` +
          `values of more than ${comparedBytesMax} bytes`;
        return rejected(store, "range_too_large", reason);
      }
      if (!holds) succeeded = false;
      if (!succeeded) break;
    }
    const results: TxnResult[] = [];
    for (const operation of succeeded ? then : otherwise) {
      const result = this.#operation(operation);
      if (result.kind === "rejected") return result;
      if (store.meta.changes > this.#changesMax) return tooManyKeys(store);
      if (this.#bytes > recordsBytesMax || this.#records > recordsMax) {
        const reason = `the answer would hold more than ${recordsMax} records, or ` +
          `${recordsBytesMax} bytes`;
        return rejected(store, "range_too_large", reason);
      }
      results.push(result);
    }
    return { kind: "txn", revision: store.revision, succeeded, results };
  }

  #operation(operation: TxnOperation): TxnResult | Rejected {
    switch (operation.kind) {
      case "put": {
        const put = { ...operation.put, kind: "put", conditions: unconditional } as const;
        const done = applyPut(this.#store, put, this.#stamp);
        assert(done.kind !== "conditionFailed", "It has no conditions");
        if (done.kind === "put") this.#count(done.prev);
        return done;
      }
      case "delete":
        return this.#delete(operation.target, operation.prev);
      case "get": {
        const store = this.#store;
        const record = store.recordAt(storedKey(operation.key), store.newestView());
        this.#count(record);
        return record === undefined ? { kind: "get" } : { kind: "get", record };
      }
      case "range": {
        // The record that goes over the limit is still in the answer.
        const bytesMax = Math.max(0, recordsBytesMax - this.#bytes - keyBytesMax - valueBytesMax);
        const { items, more } = rangeNow(this.#store, { ...operation.range, bytesMax });
        for (const item of items) this.#count(item);
        return { kind: "range", items, more };
      }
      case "txn":
        return this.txn(operation.txn);
    }
  }

  #delete(target: KeyTarget, prev: boolean): TxnResult | Rejected {
    const deletion = { kind: "delete", target, prev, conditions: unconditional } as const;
    const done = applyDelete(this.#store, deletion, this.#stamp);
    assert(done.kind !== "conditionFailed", "It has no conditions");
    if (done.kind === "delete") { for (const record of done.prev) this.#count(record); }
    return done;
  }

  #count(record: KvRecord | undefined): void {
    if (record === undefined) return;
    this.#records++;
    this.#bytes += record.key.length + record.value.length;
  }
}
