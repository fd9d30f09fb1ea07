/** What the conformance suite of the store needs to know of a backend, and short words for it. */

import { KvStateMachine, type KvStateMachineOptions } from "../../src/kv/state_machine.ts";
import type { KvTables } from "../../src/kv/ports.ts";
import type { Operation } from "../../src/kv/command.ts";
import type { Answer, RangeQuery } from "../../src/kv/query.ts";
import type { KvRecord, Revision } from "../../src/kv/record.ts";
import type { Result } from "../../src/kv/result.ts";
import { lossyText } from "../../src/lib/bytes.ts";
import type { Entry } from "../../src/raft/types.ts";
import { type Bytes, bytes, EntryMaker, get, range } from "../harness/kv_commands.ts";
import { assert } from "../harness/test.ts";

/** Where a store keeps its tables, and what can befall it. */
export interface KvPlace {
  /** Opens the tables on what is there: at first on nothing. */
  open(): KvTables;
  /**
   * The process is killed: the open tables are abandoned, and only what was committed is there for
   * the next `open`.
   */
  crash(): void;
  /** Gives back everything; tables may still be open. */
  remove(): void;
}

export interface StateMachineCase {
  readonly name: string;
  readonly run: (place: KvPlace) => void;
}

/** A store together with the log that it is fed from. */
export class Driver {
  readonly #place: KvPlace;
  readonly #options: Omit<KvStateMachineOptions, "tables">;
  tables: KvTables;
  machine: KvStateMachine;
  readonly maker = new EntryMaker();
  /** Everything that was ever applied. */
  readonly log: Entry[] = [];

  constructor(place: KvPlace, options: Omit<KvStateMachineOptions, "tables"> = {}) {
    this.#place = place;
    this.#options = options;
    this.tables = place.open();
    this.machine = new KvStateMachine({ tables: this.tables, ...options });
  }

  #open(): KvStateMachine {
    this.tables = this.#place.open();
    return new KvStateMachine({ tables: this.tables, ...this.#options });
  }

  reopen(): void {
    this.machine.close();
    this.machine = this.#open();
  }

  crash(): void {
    this.#place.crash();
    this.machine = this.#open();
  }

  /** Applies again what the store has lost. */
  replay(): void {
    const { index } = this.machine.applied().position;
    this.apply(this.log.filter((entry) => entry.index > index));
  }

  apply(entries: readonly Entry[]): readonly Result[] {
    for (const entry of entries) if (entry.index > this.log.length) this.log.push(entry);
    const results = this.machine.apply(entries);
    assert.ok(!("full" in results), "The disk is not full");
    return results;
  }

  /** Applies one operation and gives its result. */
  do(operation: Operation): Result {
    const [result] = this.apply([this.maker.command(operation)]);
    assert.ok(result);
    return result;
  }

  /** Applies the operations as one page. */
  doAll(operations: readonly Operation[]): readonly Result[] {
    return this.apply(this.maker.commands(operations));
  }

  records(keys: readonly Bytes[], revision?: Revision): readonly (KvRecord | undefined)[] {
    const query = revision === undefined ? get(...keys) : { ...get(...keys), revision };
    const answer = this.machine.read(query);
    assert.equal(answer.kind, "records");
    return answer.kind === "records" ? answer.records : [];
  }

  record(key: Bytes, revision?: Revision): KvRecord | undefined {
    return this.records([key], revision)[0];
  }

  /** The value as text; undefined when there is none. */
  value(key: Bytes, revision?: Revision): string | undefined {
    const record = this.record(key, revision);
    return record && lossyText(record.value);
  }

  range(query: Partial<RangeQuery> = {}): RangeAnswer {
    return rangeAnswer(this.machine.read(range(query)));
  }

  /** The keys of the range as text. */
  keys(query: Partial<RangeQuery> = {}): readonly string[] {
    return this.range(query).items.map(({ key }) => lossyText(key));
  }
}

export type RangeAnswer = Answer & { readonly kind: "range" };

export function rangeAnswer(answer: Answer): RangeAnswer {
  assert.equal(answer.kind, "range");
  if (answer.kind !== "range") throw new Error("unreachable");
  return answer;
}

/** All pages of a range, each begun where the one before said. */
export function pagesOf(driver: Driver, query: Partial<RangeQuery>): readonly RangeAnswer[] {
  const pages: RangeAnswer[] = [];
  let page = driver.range(query);
  pages.push(page);
  while (page.next !== undefined) {
    const from = query.reverse === true ? { end: page.next } : { start: page.next };
    page = driver.range({ ...query, ...from, revision: page.revision });
    pages.push(page);
  }
  return pages;
}

export function texts(keys: readonly Uint8Array[]): readonly string[] {
  return keys.map(lossyText);
}

export { bytes };
