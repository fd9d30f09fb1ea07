/** What the scrub asks of tables in memory. */

import type {
  AuditedChange,
  AuditedHead,
  ChangeNumber,
  KvAudit,
  KvTables,
  Slice,
} from "../../kv/ports.ts";
import type { SortedKeys } from "./kv_keys.ts";

/** Looks at the tables with their own eyes: there is no disk behind them. */
export class MemoryKvAudit implements KvAudit {
  readonly #tables: Pick<KvTables, "change" | "firstFrom">;
  readonly #keysOf: (of: "live" | "dead") => SortedKeys<ChangeNumber>;

  constructor(
    tables: Pick<KvTables, "change" | "firstFrom">,
    keysOf: (of: "live" | "dead") => SortedKeys<ChangeNumber>,
  ) {
    this.#tables = tables;
    this.#keysOf = keysOf;
  }

  reread(): void {}

  changes(number: ChangeNumber, rowsMax: number): readonly AuditedChange[] {
    const tables = this.#tables;
    const found: AuditedChange[] = [];
    let place = tables.firstFrom(number);
    while (place !== undefined && found.length < rowsMax) {
      found.push({ ...tables.change(place.number)!, isFound: true });
      place = tables.firstFrom(place.number + 1);
    }
    return found;
  }

  heads(of: "live" | "dead", slice: Slice): readonly AuditedHead[] {
    return this.#keysOf(of).pairs(slice, slice.rowsMax)
      .map(({ key, value: number }) => ({ key, number }));
  }
}
