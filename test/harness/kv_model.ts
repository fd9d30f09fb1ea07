/**
 * The store as plainly as it can be said: all versions of all keys in one map, everything computed
 * by looking at all of it. Written from the data model alone, with nothing of src/kv but its types,
 * so that it errs elsewhere if it errs.
 */

import type {
  Batch,
  Compare,
  Delete,
  ExpireLeases,
  GrantLease,
  Idempotency,
  KeepLeases,
  Merge,
  Operation,
  Put,
  RevokeLease,
  Txn,
  TxnOperation,
  Update,
} from "../../src/kv/command.ts";
import type { ContestOperation } from "../../src/kv/contest_command.ts";
import type {
  Answer,
  ContestQuery,
  GetQuery,
  HistoryQuery,
  RangeQuery,
} from "../../src/kv/query.ts";
import type { KvRecord } from "../../src/kv/record.ts";
import { isRestoreOperation } from "../../src/kv/restore_command.ts";
import type {
  BatchDone,
  ConditionFailed,
  ContestDone,
  Outcome,
  PutDone,
  Rejected,
  RejectedCode,
  Result,
  TxnResult,
} from "../../src/kv/result.ts";
import { jsonMerged } from "./json_model.ts";
import { ModelContests, type StandingModelContestant } from "./kv_model_contests.ts";
import { ModelLeases } from "./kv_model_leases.ts";
import { ModelRequests } from "./kv_model_requests.ts";
import { compares, holds, holdsOnRange, updated } from "./kv_model_values.ts";
import { ModelVersions, nameOf } from "./kv_model_versions.ts";

/** Thrown where a command turns out to be impossible. */
class Impossible extends Error {
  readonly code: RejectedCode;

  constructor(code: RejectedCode) {
    super(code);
    this.code = code;
  }
}

export class KvModel {
  revision = 1;
  oldest = 1;
  readonly versions = new ModelVersions();
  readonly #leases = new ModelLeases();
  readonly #contests = new ModelContests();
  readonly #requests: ModelRequests;
  #times = { timeMs: 0, wallMs: 0 };
  /** Keys that the operation under way has changed. */
  #written = new Set<string>();
  /** Those of them that earlier operations of its transaction have changed. */
  #touched = new Set<string>();

  constructor(answersMax?: number) {
    this.#requests = new ModelRequests(answersMax);
  }

  /** `nowMs`: cluster time. Reasons of rejections are not told: they are for people. */
  apply(operation: Operation, nowMs: number, idempotency?: Idempotency, wallMs = 0): Result {
    this.#times = { timeMs: nowMs, wallMs };
    this.#leases.settle();
    if (idempotency === undefined) return this.#applyOnce(operation, nowMs);
    const known = this.#requests.recall(idempotency, nowMs);
    if (typeof known === "string") return this.#rejected(known);
    if (known !== undefined) return { ...known, replayed: true };
    const outcome = this.#applyOnce(operation, nowMs);
    // What was nonsense is so the next time, and what had no room may have some then.
    const isKept = outcome.kind !== "rejected" ||
      (outcome.code !== "bad_request" && outcome.code !== "overloaded");
    if (isKept) this.#requests.remember(idempotency, nowMs, outcome);
    return outcome;
  }

  /** All of it or nothing. */
  #applyOnce(operation: Operation, nowMs: number): Outcome {
    const { revision } = this;
    const [versionsMark, leasesMark] = [this.versions.mark(), this.#leases.mark()];
    try {
      [this.#touched, this.#written] = [new Set(), new Set()];
      return this.#do(operation, nowMs);
    } catch (error) {
      if (!(error instanceof Impossible)) throw error;
      this.revision = revision;
      this.versions.undoTo(versionsMark);
      this.#leases.undoTo(leasesMark);
      return this.#rejected(error.code);
    }
  }

  #rejected(code: RejectedCode): Rejected {
    return { kind: "rejected", revision: this.revision, code, reason: "" };
  }

  #do(operation: Operation, nowMs: number): Outcome {
    if (isRestoreOperation(operation)) throw new Error("The model restores no backup");
    switch (operation.kind) {
      case "nothing":
        return { kind: "nothing", revision: this.revision };
      case "put":
        return this.#put(operation, nowMs);
      case "delete":
        return this.#delete(operation);
      case "merge":
      case "update":
        return this.#derive(operation);
      case "txn": {
        const done = this.#txn(operation, this.revision + 1, nowMs);
        return { ...done, revision: this.revision };
      }
      case "batch":
        return this.#batch(operation, nowMs);
      case "compact":
        if (operation.revision > this.revision) throw new Impossible("bad_request");
        this.oldest = Math.max(this.oldest, operation.revision);
        return { kind: "compacted", revision: this.revision, oldest: this.oldest };
      case "raiseDataVersion":
        return { kind: "nothing", revision: this.revision };
      case "contend":
      case "leave":
      case "proclaim":
        return this.#contest(operation, nowMs);
      default:
        return this.#lease(operation, nowMs);
    }
  }

  #put(put: Put, nowMs: number, at?: number): PutDone | ConditionFailed {
    const current = this.at(put.key, this.revision);
    this.#touch(put.key);
    if (!holds(put.conditions, current)) return this.#failed(current);
    const lease = put.ttlMs === undefined ? put.lease : undefined;
    const isFree = lease === undefined || this.#leases.get(lease)?.isPrivate === false;
    if (!isFree) throw new Impossible("lease_not_found");
    const own = put.ttlMs === undefined
      ? lease
      : this.#leases.grant({ ttlMs: put.ttlMs, isPrivate: true }, nowMs);
    const done = this.#write(put.key, { ...put, lease: own }, { prev: put.prev, at });
    return own === lease ? done : { ...done, lease: own! };
  }

  #derive(operation: Merge | Update): PutDone | ConditionFailed {
    const { key, conditions, prev, returnValue } = operation;
    const current = this.at(key, this.revision);
    if (!holds(conditions, current)) return this.#failed(current);
    const value = operation.kind === "merge"
      ? jsonMerged(current?.value, operation.patch)
      : updated(operation, current?.value);
    if (value === undefined) throw new Impossible("value_type_mismatch");
    const mediaType = current === undefined
      ? operation.kind === "merge" ? "application/json" : undefined
      : current.mediaType;
    const done = this.#write(key, { value, mediaType, lease: current?.lease }, { prev });
    return returnValue ? { ...done, value } : done;
  }

  /** `at`: the revision of the transaction that it belongs to. */
  #write(
    key: Uint8Array,
    { value, mediaType, lease }: {
      readonly value: Uint8Array;
      readonly mediaType?: string | undefined;
      readonly lease?: string | undefined;
    },
    { prev, at = this.revision + 1 }: { readonly prev: boolean; readonly at?: number | undefined },
  ): PutDone {
    const current = this.at(key, this.revision);
    this.revision = at;
    const create = current?.create ?? at;
    const version = (current?.version ?? 0) + 1;
    const record = {
      ...{ key, value, create, mod: at, version },
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(lease === undefined ? {} : { lease }),
    };
    this.#set(key, record);
    const before = prev && current !== undefined ? { prev: current } : {};
    return { kind: "put", revision: at, create, version, ...before };
  }

  #delete(
    deletion: Delete,
    at?: number,
  ): Outcome & { readonly kind: "delete" | "conditionFailed" } {
    const { target, conditions } = deletion;
    if (target.kind === "key") {
      const current = this.at(target.key, this.revision);
      if (!holds(conditions, current)) return this.#failed(current);
      this.#touch(target.key);
      return this.#deleteAll(current === undefined ? [] : [current], deletion, { more: false, at });
    }
    if (!holdsOnRange(conditions, target, this)) {
      return { kind: "conditionFailed", revision: this.revision };
    }
    const all = this.versions.shown(target.start, target.end, this.revision);
    const chosen = all.slice(0, deletion.limit ?? all.length);
    for (const { key } of chosen) this.#touch(key);
    return this.#deleteAll(chosen, deletion, { more: chosen.length < all.length, at });
  }

  #deleteAll(
    records: readonly KvRecord[],
    { prev }: Pick<Delete, "prev">,
    { more, at = this.revision + 1 }: { readonly more: boolean; readonly at?: number | undefined },
  ): Outcome & { readonly kind: "delete" } {
    if (records.length > 0) this.revision = at;
    for (const { key } of records) this.#set(key, undefined);
    const { revision } = this;
    return { kind: "delete", revision, deleted: records.length, more, prev: prev ? records : [] };
  }

  #failed(current: KvRecord | undefined): ConditionFailed {
    const failed = { kind: "conditionFailed", revision: this.revision } as const;
    return current === undefined ? failed : { ...failed, current };
  }

  /** A private lease goes with its key. */
  #set(key: Uint8Array, record: KvRecord | undefined): void {
    const before = this.at(key, this.revision)?.lease;
    if (before !== undefined && before !== record?.lease) {
      if (this.#leases.get(before)?.isPrivate === true) this.#leases.delete(before);
    }
    this.versions.add(key, { revision: this.revision, times: this.#times, record });
    this.#written.add(nameOf(key));
  }

  /** A key is changed once in a transaction; outside of one nothing has been changed before. */
  #touch(key: Uint8Array): void {
    if (this.#touched.has(nameOf(key))) throw new Impossible("duplicate_key");
  }

  // ---- Transactions and batches ----

  #txn(txn: Txn, at: number, nowMs: number): TxnResult & { readonly kind: "txn" } {
    const succeeded = txn.compares.every((compare) => this.#compare(compare));
    const results = (succeeded ? txn.then : txn.otherwise).map((each): TxnResult => {
      const result = this.#txnOperation(each, at, nowMs);
      for (const name of this.#written) this.#touched.add(name);
      return result;
    });
    return { kind: "txn", revision: this.revision, succeeded, results };
  }

  #txnOperation(operation: TxnOperation, at: number, nowMs: number): TxnResult {
    const conditions = {};
    switch (operation.kind) {
      case "put":
        return made(this.#put({ ...operation.put, kind: "put", conditions }, nowMs, at));
      case "get": {
        const record = this.at(operation.key, this.revision);
        return record === undefined ? { kind: "get" } : { kind: "get", record };
      }
      case "range": {
        const { start, end, limit, reverse, keysOnly } = operation.range;
        const all = [...this.versions.shown(start, end, this.revision)];
        if (reverse) all.reverse();
        const items = all.slice(0, limit)
          .map((record) => keysOnly ? { ...record, value: new Uint8Array(0) } : record);
        return { kind: "range", items, more: all.length > limit };
      }
      case "delete": {
        const { target, prev } = operation;
        return made(this.#delete({ kind: "delete", target, prev, conditions }, at));
      }
      case "txn":
        return this.#txn(operation.txn, at, nowMs);
    }
  }

  #compare(compare: Compare): boolean {
    const { target } = compare;
    const records = target.kind === "key"
      ? [this.at(target.key, this.revision)]
      : this.versions.shown(target.start, target.end, this.revision);
    return (records.length === 0 ? [undefined] : records)
      .every((record) => compares(compare, record));
  }

  #batch({ items }: Batch, nowMs: number): BatchDone {
    const results = items.map((item): BatchDone["results"][number] => {
      if (item.kind === "get") {
        const record = this.at(item.key, this.revision);
        return record === undefined ? { kind: "get" } : { kind: "get", record };
      }
      const outcome = this.#applyOnce(item, nowMs);
      switch (outcome.kind) {
        case "put":
        case "delete":
        case "conditionFailed":
        case "rejected":
          return outcome;
      }
      throw new Error(`Item with outcome ${outcome.kind}`);
    });
    return { kind: "batch", revision: this.revision, results };
  }

  #lease(
    operation: GrantLease | KeepLeases | RevokeLease | ExpireLeases,
    nowMs: number,
  ): Outcome {
    switch (operation.kind) {
      case "grantLease": {
        const { id, ttlMs } = operation;
        if (id !== undefined && this.#leases.get(id) !== undefined) {
          throw new Impossible("conflict");
        }
        const lease = { id: this.#leases.grant({ id, ttlMs, isPrivate: false }, nowMs), ttlMs };
        return { kind: "granted", revision: this.revision, lease };
      }
      case "keepLeases": {
        const leases = operation.ids.map((id) => this.#leases.keep(id, nowMs));
        return { kind: "kept", revision: this.revision, leases };
      }
      case "revokeLease": {
        if (this.#leases.get(operation.id) === undefined) throw new Impossible("lease_not_found");
        const deleted = this.#end(operation.id);
        return { kind: "ended", revision: this.revision, leases: 1, deleted };
      }
      case "expireLeases": {
        let [leases, deleted] = [0, 0];
        for (const { id, deadlineMs } of operation.leases) {
          if (this.#leases.get(id)?.deadlineMs !== deadlineMs || deadlineMs > nowMs) continue;
          deleted += this.#end(id);
          leases++;
        }
        return { kind: "ended", revision: this.revision, leases, deleted };
      }
    }
  }

  #end(id: string): number {
    this.#leases.delete(id);
    const attached = this.versions.shown(new Uint8Array(0), undefined, this.revision)
      .filter(({ lease }) => lease === id);
    const contestants = this.#contests.all().filter(({ lease }) => lease === id);
    const at = this.revision + 1;
    const { deleted } = this.#deleteAll(attached, { prev: false }, { more: false, at });
    if (contestants.length > 0) this.revision = at;
    for (const each of contestants) this.#contests.remove(each, each.token, at);
    return deleted + contestants.length;
  }

  #contest(operation: ContestOperation, nowMs: number): ContestDone {
    const ground = { revision: this.revision, nowMs, leases: this.#leases };
    const done = this.#contests.apply(operation, ground);
    if (done === undefined) throw new Impossible("lease_not_found");
    this.revision = done.revision;
    return done;
  }

  /** All who contend for something. */
  contestants(): readonly StandingModelContestant[] {
    return this.#contests.all();
  }

  /** Each lease with its deadline. */
  leases(): readonly { readonly id: string; readonly deadlineMs: number }[] {
    return this.#leases.list();
  }

  /** What stands under `key` right after `revision`. */
  at(key: Uint8Array, revision: number): KvRecord | undefined {
    return this.versions.at(key, revision);
  }

  /** Like the store's answer, with `changed` always there; `now`: as if it were only there yet. */
  read(
    query: GetQuery | RangeQuery | HistoryQuery | ContestQuery,
    now: { readonly revision: number; readonly oldest: number } = this,
  ): Answer {
    if (query.kind === "contest") return this.#contests.read(query, now.revision);
    return this.versions.read(query, now);
  }
}

function made<T extends Outcome>(outcome: T): Exclude<T, ConditionFailed> {
  if (outcome.kind === "conditionFailed") throw new Error("There are no conditions");
  return outcome as Exclude<T, ConditionFailed>;
}
