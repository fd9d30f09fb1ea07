/** What clients call: which operations on which keys, and how an answer reads in a history. */

import type { Idempotency, Operation as StoreOperation } from "../../src/kv/command.ts";
import type { Answer, ContestQuery, GetQuery, RangeQuery } from "../../src/kv/query.ts";
import type { KvRecord } from "../../src/kv/record.ts";
import type { Result } from "../../src/kv/result.ts";
import { lossyText } from "../../src/lib/bytes.ts";
import type { Prng } from "../../src/lib/prng.ts";
import type { ReadLevel } from "../../src/service/contract.ts";
import type { Operation, Outcome, SeenRecord } from "../harness/history.ts";
import { del, delRange, get, prefix, put } from "../harness/kv_commands.ts";
import type { Plan } from "./plan.ts";
import { drawStoreOperation } from "./store_calls.ts";

export type ClientCall =
  & {
    /** For traces and people. */
    readonly text: string;
    /** How it stands in the history; absent for what the checker cannot judge. */
    readonly recorded?: Operation;
    /** How long it may take, ms; as the plan draws it when absent. */
    readonly withinMs?: number;
  }
  & (
    | {
      readonly kind: "write";
      readonly operation: StoreOperation;
      /** The client asks again, with the same key, until it is told. */
      readonly idempotency?: Idempotency;
      /** Told the answer, where one comes to the client. */
      readonly hears?: (result: Result) => void;
    }
    | {
      readonly kind: "read";
      readonly query: GetQuery | RangeQuery | ContestQuery;
      readonly level: ReadLevel;
      readonly hears?: (answer: Answer) => void;
    }
  );

/**
 * A key with so many writes of unknown outcome is left for a fresh one: each of them may take
 * effect at any later time, and the search through all of that grows without bound.
 */
const unknownWritesMax = 6;

/** The keys that the clients share, and what is known of them. */
export class KeyBook {
  readonly #names: string[];
  readonly #unknown: number[];
  /** The newest revision of each key that some client has seen; 0 for an absent one. */
  readonly #mods = new Map<string, number>();
  #revision = 1;
  /** Every key that was ever used. */
  readonly used = new Set<string>();

  constructor(count: number) {
    this.#names = Array.from({ length: count }, (_, at) => `k${at}`);
    this.#unknown = this.#names.map(() => 0);
    for (const name of this.#names) this.used.add(name);
  }

  draw(prng: Prng): string {
    // The first few are hot.
    const from = prng.chance(1, 2) ? Math.min(3, this.#names.length) : this.#names.length;
    return this.#names[prng.below(from)]!;
  }

  mod(key: string): number {
    return this.#mods.get(key) ?? 0;
  }

  /** The newest revision that some client has seen. */
  get revision(): number {
    return this.#revision;
  }

  noteOutcome({ recorded }: ClientCall, outcome: Outcome): void {
    if (recorded === undefined) return;
    const { key } = recorded;
    if (outcome.kind === "found") this.#mods.set(key, outcome.record.mod);
    if (outcome.kind === "written") {
      this.#mods.set(key, outcome.mod);
      this.#revision = Math.max(this.#revision, outcome.mod);
    }
    if (outcome.kind === "absent" || outcome.kind === "deleted") this.#mods.set(key, 0);
    if (outcome.kind === "conditionFailed") this.#mods.set(key, outcome.current?.mod ?? 0);
    if (outcome.kind !== "unknown" || recorded.kind === "get") return;
    const at = this.#names.indexOf(key);
    if (at < 0 || ++this.#unknown[at]! < unknownWritesMax) return;
    this.#unknown[at] = 0;
    const [stem = key, generation = "0"] = key.split(".");
    this.#names[at] = `${stem}.${Number(generation) + 1}`;
    this.used.add(this.#names[at]!);
  }
}

/** The next call of a client. `value`: a label that nobody else writes. */
export function drawCall(
  prng: Prng,
  keys: KeyBook,
  { value, plan }: { readonly value: string; readonly plan: Plan },
): ClientCall {
  if (prng.chance(plan.storeCallsPermille, 1_000)) {
    const operation = drawStoreOperation(prng, { value, revision: keys.revision });
    return { kind: "write", operation, text: `${operation.kind} ${value}` };
  }
  const key = keys.draw(prng);
  // A reader knows a value by what stands before the colon.
  const long = `${value}:${"x".repeat(prng.below(plan.valueBytesMax))}`;
  const kind = prng.below(100);
  if (kind < 30) return readOf(key, plan.leaseReads && kind < 20 ? "lease" : "linearizable");
  if (kind < 38) return readOf(key, "eventual");
  if (kind < 62) return putOf(key, value, long);
  if (kind < 80) {
    const mod = keys.mod(key);
    const expected = prng.chance(5, 6) ? mod : Math.max(0, mod - prng.below(3));
    return casOf(key, expected, { value, long });
  }
  if (kind < 86) return deleteOf(key);
  if (kind < 91) return putOf(`r/${prng.below(20)}`, value, long);
  if (kind < 93) {
    const from = prng.below(20);
    const operation = delRange(`r/${from}`, `r/${from + prng.below(4)}`, { prev: true });
    return { kind: "write", operation, text: `deleteRange r/${from}` };
  }
  const level = prng.chance(3, 4) ? "linearizable" : "eventual";
  if (kind < 96) {
    const query = get(key, keys.draw(prng), `r/${prng.below(20)}`);
    return { kind: "read", query, level, text: `getMany ${level}` };
  }
  const query = prefix("r/", { limit: 1 + prng.below(30), reverse: prng.chance(1, 2) });
  return { kind: "read", query, level, text: `list ${level}` };
}

export function readOf(key: string, level: ReadLevel): ClientCall {
  const read = { kind: "read", query: get(key), level, text: `get ${key} ${level}` } as const;
  // What an eventual read shows may be old: the witness alone can judge it.
  return level === "eventual" ? read : { ...read, recorded: { kind: "get", key } };
}

export function putOf(key: string, value: string, long = value): ClientCall {
  const call = { kind: "write", operation: put(key, long), text: `put ${key} = ${value}` } as const;
  return key.startsWith("r/") ? call : { ...call, recorded: { kind: "put", key, value } };
}

function casOf(
  key: string,
  expected: number,
  { value, long }: { readonly value: string; readonly long: string },
): ClientCall {
  return {
    kind: "write",
    operation: put(key, long, { conditions: { ifMatch: [expected] } }),
    text: `cas ${key} @${expected} = ${value}`,
    recorded: { kind: "cas", key, expected, value },
  };
}

function deleteOf(key: string): ClientCall {
  return {
    kind: "write",
    operation: del(key),
    text: `delete ${key}`,
    recorded: { kind: "delete", key },
  };
}

/** What a client reads from the answer to a write that stands in the history. */
export function outcomeOf(result: Result): Outcome {
  // A repeated refusal does not tell again what was read at the first time.
  if (result.replayed === true && result.kind === "conditionFailed") {
    return { kind: "notApplied", reason: "refused before" };
  }
  switch (result.kind) {
    case "put":
      return { kind: "written", mod: result.revision, version: result.version };
    case "delete": {
      const count = result.deleted === 0 ? 0 : 1;
      return { kind: "deleted", count, revision: result.revision };
    }
    case "conditionFailed": {
      const failed = { kind: "conditionFailed", revision: result.revision } as const;
      return result.current === undefined ? failed : { ...failed, current: seen(result.current) };
    }
    default:
      throw new Error(`A client was answered ${result.kind}`);
  }
}

/** What a client reads from the answer to a read of one key. */
export function seenIn(answer: Answer): Outcome {
  if (answer.kind !== "records" || answer.records.length !== 1) return { kind: "absent" };
  const { revision, records: [record] } = answer;
  return record === undefined
    ? { kind: "absent", revision }
    : { kind: "found", record: seen(record), revision };
}

function seen({ value, mod, version }: KvRecord): SeenRecord {
  const [label = ""] = lossyText(value).split(":", 1);
  return { value: label, mod, version };
}
