/** The rows of an image in the form in which the tables hold them: by number and by key. */

import type { Change, ChangeNumber, KvMeta, LedgerRow } from "../../kv/ports.ts";
import type { ImageRows } from "./kv_image.ts";
import { SortedKeys } from "./kv_keys.ts";

/** So many rows are a step. */
const stepRows = 1_000;

/** All that tables in memory hold between two transactions. */
export interface KvContent {
  readonly meta: KvMeta;
  readonly changes: Map<ChangeNumber, Change>;
  /** The highest number in use. */
  readonly last: ChangeNumber;
  readonly live: SortedKeys<ChangeNumber>;
  readonly dead: SortedKeys<ChangeNumber>;
  readonly ledger: SortedKeys<LedgerRow>;
}

/** In steps: the newest change of each key says whether it is live or dead. */
export function* contentOf(rows: ImageRows): Generator<undefined, KvContent> {
  const changes = new Map<ChangeNumber, Change>();
  const live = new SortedKeys<ChangeNumber>();
  const dead = new SortedKeys<ChangeNumber>();
  const ledger = new SortedKeys<LedgerRow>();
  for (const [at, change] of rows.changes.entries()) {
    const { key, number, version } = change;
    changes.set(number, change);
    (version === 0 ? live : dead).delete(key);
    (version === 0 ? dead : live).set(key, number);
    if (at % stepRows === 0) yield undefined;
  }
  for (const [at, row] of rows.ledger.entries()) {
    ledger.set(row.key, row);
    if (at % stepRows === 0) yield undefined;
  }
  return { meta: rows.meta, changes, last: rows.changes.at(-1)?.number ?? 0, live, dead, ledger };
}
