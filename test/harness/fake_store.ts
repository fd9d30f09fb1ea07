/** The store without a log or a node: what is asked of it happens at once, in memory. */

import { KvStateMachine } from "../../src/kv/state_machine.ts";
import type {
  Answer,
  Idempotency,
  Operation,
  Query,
  Result,
  Revision,
} from "../../src/service/contract.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { EntryMaker } from "./kv_commands.ts";

export class FakeStore {
  readonly machine = new KvStateMachine({ tables: new MemoryKvTables() });
  readonly #maker = new EntryMaker();

  get revision(): Revision {
    return this.machine.revision;
  }

  read(query: Query): Answer {
    return this.machine.read(query);
  }

  apply(operation: Operation, idempotency?: Idempotency): Result {
    const results = this.machine.apply([this.#maker.command(operation, idempotency)]);
    const result = "full" in results ? undefined : results[0];
    if (result === undefined) throw new Error("An entry has a result");
    return result;
  }

  /** Nothing before `revision` can be read any more. */
  compact(revision: Revision): void {
    this.apply({ kind: "compact", revision });
  }
}
