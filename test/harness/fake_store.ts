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
  /** Handlers are not called before {@link tell}. */
  isQuiet = false;
  readonly machine = new KvStateMachine({ tables: new MemoryKvTables() });
  readonly #maker = new EntryMaker();
  readonly #handlers = new Set<() => void>();

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
    if (!this.isQuiet) this.tell();
    return result;
  }

  /** The handler is called after each operation. */
  onApplied(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Calls the handlers, as a node does that has applied some entries at once. */
  tell(): void {
    for (const handler of this.#handlers) handler();
  }

  /** Takes over what `other` holds, as a node does that was too far behind. */
  adopt(other: FakeStore): void {
    other.machine.image((image) => {
      if (image === undefined) throw new Error("An image can be made");
      const stage = this.machine.stage(image.meta);
      image.read({ offset: 0, bytesMax: image.meta.bytes }, (bytes) => stage.write(bytes));
      stage.finish(() => this.machine.adopt());
    });
    if (!this.isQuiet) this.tell();
  }

  /** Nothing before `revision` can be read any more. */
  compact(revision: Revision): void {
    this.apply({ kind: "compact", revision });
  }
}
