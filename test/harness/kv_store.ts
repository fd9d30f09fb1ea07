/** A store in memory together with the log that it is fed from, for tests of its parts. */

import type { Idempotency, Operation } from "../../src/kv/command.ts";
import type { Answer, Query } from "../../src/kv/query.ts";
import type { KvRecord } from "../../src/kv/record.ts";
import type { RejectedCode, Result } from "../../src/kv/result.ts";
import { KvStateMachine, type KvStateMachineOptions } from "../../src/kv/state_machine.ts";
import { lossyText } from "../../src/lib/bytes.ts";
import type { Entry } from "../../src/raft/types.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { type Bytes, EntryMaker, get, range } from "./kv_commands.ts";
import { assertIntact } from "./kv_invariants.ts";
import { assert } from "./test.ts";

export class MemoryStore {
  readonly tables = new MemoryKvTables();
  readonly maker = new EntryMaker();
  /** Everything that was ever applied. */
  readonly log: Entry[] = [];
  readonly #options: Omit<KvStateMachineOptions, "tables">;
  machine: KvStateMachine;

  constructor(options: Omit<KvStateMachineOptions, "tables"> = {}) {
    this.#options = options;
    this.machine = new KvStateMachine({ tables: this.tables, ...options });
  }

  apply(entry: Entry): Result {
    this.log.push(entry);
    const results = this.machine.apply([entry]);
    assert.ok(!("full" in results), "Memory is not full");
    const [result] = results;
    assert.ok(result);
    return result;
  }

  /** Applies one operation, once under its idempotency, and gives its result. */
  do(operation: Operation, idempotency?: Idempotency): Result {
    return this.apply(this.maker.command(operation, idempotency));
  }

  /** The code with which the operation is rejected; its kind when it is not. */
  codeOf(operation: Operation, idempotency?: Idempotency): RejectedCode | Result["kind"] {
    const result = this.do(operation, idempotency);
    return result.kind === "rejected" ? result.code : result.kind;
  }

  /** The process is killed; the log brings back what was not committed. */
  crash(): void {
    this.tables.rollback();
    this.machine = new KvStateMachine({ tables: this.tables, ...this.#options });
    const { index } = this.machine.applied().position;
    this.machine.apply(this.log.slice(index));
  }

  read(query: Query): Answer {
    return this.machine.read(query);
  }

  record(key: Bytes, revision?: number): KvRecord | undefined {
    const answer = this.read(revision === undefined ? get(key) : { ...get(key), revision });
    assert.ok(answer.kind === "records", answer.kind);
    return answer.records[0];
  }

  /** The value as text; undefined when there is none. */
  value(key: Bytes, revision?: number): string | undefined {
    const record = this.record(key, revision);
    return record && lossyText(record.value);
  }

  /** All keys as text. */
  keys(): readonly string[] {
    const answer = this.read(range({ limit: 100_000, keysOnly: true }));
    assert.ok(answer.kind === "range", answer.kind);
    return answer.items.map(({ key }) => lossyText(key));
  }

  /** Commits, and throws where facts and rows do not go together. */
  assertIntact(): void {
    this.machine.commit();
    assertIntact(this.tables);
  }

  /** How many rows the ledger holds. */
  get ledgerRows(): number {
    const all = { start: new Uint8Array(0), reverse: false, rowsMax: Number.MAX_SAFE_INTEGER };
    return this.tables.ledgerSlice(all).length;
  }
}
