/**
 * Batches: each item is a write or a read of its own, with a revision and an outcome of its own, in
 * order. What all of them together answer is bounded, because one entry of the log carries them: an
 * item that would read more when that is used up is refused, and the others are not.
 */

import { applyDelete } from "./apply_delete.ts";
import { applyPut } from "./apply_put.ts";
import type { ChangeTimes } from "./change.ts";
import type { Batch, BatchItem } from "./command.ts";
import { emptyBytes } from "../lib/bytes.ts";
import { storedKey } from "./key_space.ts";
import type { KvRecord } from "./record.ts";
import { rejected } from "./rejected.ts";
import { type BatchDone, batchRecordsBytesMax, type Rejected } from "./result.ts";
import { stampAfter } from "./stamp.ts";
import type { Store } from "./store.ts";

type ItemResult = BatchDone["results"][number];

/** Does each item, one after the other. */
export function applyBatch(store: Store, { items }: Batch, times: ChangeTimes): BatchDone {
  const run = new Run(store, times);
  const results = items.map((item) => run.item(item));
  return { kind: "batch", revision: store.revision, results };
}

/** One batch under way. */
class Run {
  readonly #store: Store;
  readonly #times: ChangeTimes;
  /** Keys and values in the answer so far. */
  #bytes = 0;

  constructor(store: Store, times: ChangeTimes) {
    this.#store = store;
    this.#times = times;
  }

  get #isFull(): boolean {
    return this.#bytes > batchRecordsBytesMax;
  }

  item(item: BatchItem): ItemResult {
    const result = this.#refusal(item) ?? this.#apply(item);
    if (result.kind === "conditionFailed" && result.current !== undefined && this.#isFull) {
      // Keys alone could fill a message.
      const current = { ...result.current, key: emptyBytes, value: emptyBytes };
      return { ...result, current, valueOmitted: true };
    }
    for (const { key, value } of recordsIn(result)) this.#bytes += key.length + value.length;
    return result;
  }

  #refusal(item: BatchItem): Rejected | undefined {
    if (!this.#isFull || (item.kind !== "get" && !item.prev)) return undefined;
    const reason = `the batch has answered more than ${batchRecordsBytesMax} bytes before`;
    return rejected(this.#store, "range_too_large", reason);
  }

  #apply(item: BatchItem): ItemResult {
    const store = this.#store;
    switch (item.kind) {
      case "put":
        return applyPut(store, item, stampAfter(store, this.#times));
      case "delete":
        return applyDelete(store, item, stampAfter(store, this.#times));
      case "get": {
        const record = store.recordAt(storedKey(item.key), store.newestView());
        return record === undefined ? { kind: "get" } : { kind: "get", record };
      }
    }
  }
}

function recordsIn(result: ItemResult): readonly KvRecord[] {
  switch (result.kind) {
    case "put":
      return result.prev === undefined ? [] : [result.prev];
    case "delete":
      return result.prev;
    case "get":
      return result.record === undefined ? [] : [result.record];
    case "conditionFailed":
      return result.current === undefined ? [] : [result.current];
    case "rejected":
      return [];
  }
}
