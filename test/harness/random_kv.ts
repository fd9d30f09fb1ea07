/** Random operations and queries that meet each other: few keys, many conditions that may hold. */

import type {
  BatchItem,
  Compare,
  Conditions,
  Delete,
  Expected,
  Idempotency,
  KeyTarget,
  Merge,
  Operation,
  Put,
  Txn,
  TxnOperation,
  Update,
} from "../../src/kv/command.ts";
import type { ContestQuery, GetQuery, HistoryQuery, RangeQuery } from "../../src/kv/query.ts";
import { Prng } from "../../src/lib/prng.ts";
import { bytes, put, range } from "./kv_commands.ts";
import { type NamedContestant, RandomContests } from "./random_contests.ts";

const letters = ["a", "b", "/", "//", "\0", "\x01", "\u00ff", "__proto__"].map((text) =>
  Uint8Array.from(text, (letter) => letter.charCodeAt(0))
);
const delimiters = ["/", "//", "a", "\0", "\x01", "\u00ff", "\u00ff\u00ff", "\u00ff\0"].map(
  (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
);
/** From the newest number of a stream of requests to the next one that is asked for. */
const numberSteps = [1, 1, 1, 0, -1, -2, 2, -255, -256, -300, 90, 200];
const values = ["", "x", "y", "a value that is a little longer than the others"].map(bytes);
const mediaTypes = [undefined, undefined, undefined, "text/plain", "application/json"];

/** Documents that JSON.stringify writes as they stand, and others that are none. */
const documents = [
  ...["{}", '{"a":1}', '{"a":{"b":"x","c":[1,null]},"d":true}', '"text"', "[1,2]", "17", "{"],
].map(bytes);
const patches = [
  ...['{"a":null}', '{"a":{"b":2}}', '{"d":{"e":null,"f":"y"}}', "{}", "null", '"s"', '{"g":[]}'],
].map(bytes);
const integers = ["0", "1", "-1", "41", "9223372036854775807", "-9223372036854775808", "12345"];
const leaseIds = ["1", "2", "3", "7", "-5", "9223372036854775807"];

/** What the operations are drawn around. */
export interface Surroundings {
  readonly revision: number;
  readonly leases: readonly { readonly id: string; readonly deadlineMs: number }[];
  /** Of locks and elections. */
  readonly contestants: readonly NamedContestant[];
}

export class RandomKv {
  readonly #prng: Prng;
  readonly #contests: RandomContests;
  /** The highest number that was drawn of each stream of requests. */
  readonly #newest = new Map<string, number>();

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.#contests = new RandomContests(this.#prng);
  }

  chance(numerator: number, denominator: number): boolean {
    return this.#prng.chance(numerator, denominator);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#prng.below(items.length)]!;
  }

  /** Tags are drawn near the revision, ids among the leases that there are, mostly. */
  operation(near: Surroundings): Operation {
    const drawn = this.#prng.below(100);
    if (drawn < 40) return this.#put(near);
    if (drawn < 55) return this.#delete(near, this.#keyTarget());
    if (drawn < 62) return this.#delete(near, this.#rangeTarget());
    if (drawn < 68) return this.#merge(near);
    if (drawn < 75) return this.#update(near);
    if (drawn < 81) return this.#txn(near, 2);
    if (drawn < 84) return { kind: "batch", items: this.#list(5, () => this.#item(near)) };
    if (drawn < 90) return this.#contests.operation(near, () => this.#life(near));
    if (drawn < 96) return this.#leaseOperation(near);
    if (drawn < 97) return { kind: "nothing" };
    const revision = this.chance(1, 4) ? near.revision : this.#revision(near.revision);
    return { kind: "compact", revision: Math.max(1, revision) };
  }

  /** Now and then the key of an earlier request, with the same hash or another one. */
  idempotency(): Idempotency | undefined {
    if (!this.chance(1, 5)) return undefined;
    const requestHash = Uint8Array.of(this.chance(1, 8) ? 1 : 0);
    const key = this.chance(1, 2) ? `key ${this.#prng.below(40)}` : this.#numbered();
    return { identity: this.pick(["", "me"]), key, requestHash };
  }

  /** Mostly the next number of a stream, or one around the last that is still remembered. */
  #numbered(): string {
    const stream = this.pick(["s", "s;1", ";", "long\nname"]);
    const newest = this.#newest.get(stream) ?? 0;
    const seq = Math.max(0, newest + this.pick(numberSteps));
    this.#newest.set(stream, Math.max(newest, seq));
    // With a zero before it, it is no number of the stream.
    return `${stream};${this.chance(1, 20) ? "0" : ""}${seq}`;
  }

  #put(near: Surroundings): Put {
    const mediaType = this.pick(mediaTypes);
    return put(this.key(), this.#value(), {
      prev: this.chance(1, 4),
      conditions: this.#conditions(near.revision, { onKey: true }),
      ...(mediaType === undefined ? {} : { mediaType }),
      ...this.#attachment(near),
    });
  }

  #attachment(near: Surroundings): Pick<Put, "lease" | "ttlMs"> {
    const drawn = this.#prng.below(8);
    if (drawn === 0) return { ttlMs: this.#ttlMs() };
    return drawn < 3 ? { lease: this.#lease(near) } : {};
  }

  #delete(near: Surroundings, target: KeyTarget): Delete {
    const isRange = target.kind === "range";
    return {
      kind: "delete",
      target,
      prev: this.chance(1, 4),
      conditions: this.#conditions(near.revision, { onKey: !isRange }),
      ...(isRange && this.chance(1, 2) ? { limit: 1 + this.#prng.below(4) } : {}),
    };
  }

  #merge(near: Surroundings): Merge {
    const conditions = this.#conditions(near.revision, { onKey: true });
    const [key, patch] = [this.key(), this.pick(patches)];
    return { kind: "merge", key, patch, conditions, ...this.#asked() };
  }

  #update(near: Surroundings): Update {
    const conditions = this.#conditions(near.revision, { onKey: true });
    const kind = this.pick(["add", "min", "max", "append"] as const);
    const change = kind === "append"
      ? { kind, bytes: this.#value() }
      : { kind, operand: this.pick(integers) };
    return { kind: "update", key: this.key(), change, conditions, ...this.#asked() };
  }

  #asked(): { readonly prev: boolean; readonly returnValue: boolean } {
    return { prev: this.chance(1, 4), returnValue: this.chance(1, 2) };
  }

  #txn(near: Surroundings, depth: number): Txn {
    const operations = () => this.#list(4, () => this.#txnOperation(near, depth));
    return {
      kind: "txn",
      compares: this.#list(3, () => this.#compare(near)),
      then: operations(),
      otherwise: operations(),
    };
  }

  #txnOperation(near: Surroundings, depth: number): TxnOperation {
    const drawn = this.#prng.below(depth > 0 ? 10 : 9);
    if (drawn < 4) {
      const { kind: _kind, conditions: _conditions, ...rest } = this.#put(near);
      return { kind: "put", put: rest };
    }
    if (drawn < 5) return { kind: "get", key: this.key() };
    if (drawn < 6) {
      const { kind: _kind, ...range } = this.#rangeTarget();
      const limit = this.pick([1, 3, 10_000]);
      const flags = { reverse: this.chance(1, 2), keysOnly: this.chance(1, 3) };
      return { kind: "range", range: { ...range, limit, ...flags } };
    }
    if (drawn < 9) {
      const target = this.chance(2, 3) ? this.#keyTarget() : this.#rangeTarget();
      return { kind: "delete", target, prev: this.chance(1, 3) };
    }
    return { kind: "txn", txn: this.#txn(near, depth - 1) };
  }

  #compare(near: Surroundings): Compare {
    const target = this.chance(3, 4) ? this.#keyTarget() : this.#rangeTarget();
    return { target, operator: this.pick(["=", "!=", "<", ">"]), expected: this.#expected(near) };
  }

  #expected(near: Surroundings): Expected {
    const kind = this.pick(["value", "version", "create", "mod", "lease"] as const);
    switch (kind) {
      case "value":
        return { kind, bytes: this.#value() };
      case "version":
        return { kind, count: this.#prng.below(3) };
      case "create":
      case "mod":
        return { kind, count: this.chance(1, 3) ? 0 : this.#revision(near.revision) };
      case "lease":
        return { kind, lease: this.chance(1, 3) ? "0" : this.#lease(near) };
    }
  }

  #item(near: Surroundings): BatchItem {
    const drawn = this.#prng.below(4);
    if (drawn < 2) return this.#put(near);
    if (drawn < 3) return { kind: "get", key: this.key() };
    return this.#delete(near, this.#keyTarget());
  }

  #leaseOperation(near: Surroundings): Operation {
    const drawn = this.#prng.below(10);
    if (drawn < 3) {
      const id = this.chance(1, 2) ? { id: this.pick(leaseIds) } : {};
      return { kind: "grantLease", ttlMs: this.#ttlMs(), ...id };
    }
    if (drawn < 5) {
      return {
        kind: "keepLeases",
        ids: [this.#lease(near), ...this.#list(2, () => this.#lease(near))],
      };
    }
    if (drawn < 6) return { kind: "revokeLease", id: this.#lease(near) };
    const leases = [...near.leases].sort((a, b) => a.deadlineMs - b.deadlineMs).slice(0, 4);
    if (leases.length === 0) return { kind: "nothing" };
    return { kind: "expireLeases", leases };
  }

  #life(near: Surroundings): Pick<Put, "lease" | "ttlMs"> {
    return this.chance(1, 2) ? { ttlMs: this.#ttlMs() } : { lease: this.#lease(near) };
  }

  /** About a lock or an election, and one of those who stand there, mostly. */
  contestQuery(contestants: readonly NamedContestant[]): ContestQuery {
    return this.#contests.query(contestants);
  }

  #ttlMs(): number {
    return this.pick([1_000, 1_500, 4_000, 60_000]);
  }

  #lease({ leases }: Surroundings): string {
    if (leases.length === 0 || this.chance(1, 6)) return this.pick(leaseIds);
    return this.pick(leases).id;
  }

  /** At least one. */
  #list<T>(countMax: number, make: () => T): readonly T[] {
    return Array.from({ length: 1 + this.#prng.below(countMax) }, make);
  }

  #value(): Uint8Array {
    const drawn = this.#prng.below(4);
    if (drawn === 0) return this.pick(documents);
    return drawn === 1 ? bytes(this.pick(integers)) : this.pick(values);
  }

  #keyTarget(): KeyTarget & { readonly kind: "key" } {
    return { kind: "key", key: this.key() };
  }

  #rangeTarget(): KeyTarget & { readonly kind: "range" } {
    const end = this.chance(1, 8) ? {} : { end: this.key() };
    return { kind: "range", start: this.key(), ...end };
  }

  /** `oldest`: the oldest revision that can be read; often drawn, because much happens there. */
  query(revision: number, oldest = 1): GetQuery | RangeQuery | HistoryQuery {
    const at = this.chance(1, 2)
      ? {}
      : { revision: this.chance(1, 4) ? oldest : this.#revision(revision) };
    const drawn = this.#prng.below(6);
    if (drawn < 2) {
      const keys = Array.from({ length: 1 + this.#prng.below(4) }, () => this.key());
      return { kind: "get", keys, bytesMax: this.pick([20, 1_000_000]), ...at };
    }
    if (drawn > 2) return range({ ...this.#range(), ...at });
    const before = this.chance(1, 3) ? { before: this.#revision(revision) } : {};
    const [limit, bytesMax] = [this.pick([1, 2, 100]), this.pick([20, 1_000_000])];
    return { kind: "history", key: this.key(), limit, bytesMax, ...before, ...at };
  }

  #range(): Partial<RangeQuery> {
    return {
      start: this.chance(1, 3) ? new Uint8Array(0) : this.key(),
      ...(this.chance(1, 2) ? {} : { end: this.key() }),
      limit: this.pick([1, 2, 5, 1_000]),
      bytesMax: this.pick([0, 20, 100, 1_000_000]),
      reverse: this.chance(1, 2),
      keysOnly: this.chance(1, 4),
      countOnly: this.chance(1, 6),
      ...(this.chance(1, 2) ? {} : { delimiter: this.#delimiter() }),
    };
  }

  #delimiter(): NonNullable<RangeQuery["delimiter"]> {
    return { bytes: this.pick(delimiters), prefixLength: this.#prng.below(4) };
  }

  key(): Uint8Array {
    const parts = Array.from({ length: 1 + this.#prng.below(3) }, () => this.pick(letters));
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  /** Mostly near the newest one, sometimes anywhere, sometimes impossible. */
  #revision(newest: number): number {
    if (this.chance(1, 20)) return this.pick([0, newest + 1]);
    const back = this.#prng.below(this.chance(3, 4) ? Math.min(newest, 40) : newest);
    return newest - back;
  }

  #conditions(revision: number, { onKey }: { readonly onKey: boolean }): Conditions {
    if (this.chance(2, 3)) return {};
    const tags = (): readonly number[] | "any" =>
      this.chance(1, 3)
        ? "any"
        : Array.from({ length: this.#prng.below(30) }, () => this.#revision(revision));
    return {
      ...(this.chance(1, 2) ? { ifMatch: tags() } : {}),
      ...(this.chance(1, 3) ? { ifNoneMatch: tags() } : {}),
      ...(onKey && this.chance(1, 3)
        ? { ifValue: this.chance(1, 3) ? "absent" : { equals: this.pick(values) } }
        : {}),
    };
  }
}
