/** How the plain store (kv_model.ts) computes values, and how its results are compared. */

import type { Compare, Conditions, KeyTarget, Update } from "../../src/kv/command.ts";
import type { KvRecord } from "../../src/kv/record.ts";
import type { Result } from "../../src/kv/result.ts";
import { bytesOf, type ModelVersions, nameOf } from "./kv_model_versions.ts";

/**
 * The result without what is said to people only and, where it is the answer to a repetition,
 * without what was read at the first time.
 */
export function comparable(result: Result): unknown {
  return withoutMembers(result, incomparable(result));
}

/** The members of the result, wherever they stand, that {@link comparable} leaves out. */
export function incomparable(result: Result): readonly string[] {
  return result.replayed === true ? repeated : forPeople;
}

const forPeople = ["reason", "omitted"];
const reads = ["prev", "current", "valueOmitted", "value", "record", "items", "more"];
const repeated = [...forPeople, ...reads];

function withoutMembers(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutMembers(each, names));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const kept = Object.entries(value).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, each]) => [name, withoutMembers(each, names)]));
}

/** Whether conditions hold on a key under which `current` stands. */
export function holds(
  { ifMatch, ifNoneMatch, ifValue }: Conditions,
  current: KvRecord | undefined,
): boolean {
  const tag = current?.mod ?? 0;
  if (ifMatch === "any" && current === undefined) return false;
  if (Array.isArray(ifMatch) && !ifMatch.includes(tag)) return false;
  if (ifNoneMatch === "any" && current !== undefined) return false;
  if (Array.isArray(ifNoneMatch) && ifNoneMatch.includes(tag)) return false;
  if (ifValue === "absent") return current === undefined;
  if (ifValue === undefined) return true;
  return current !== undefined && nameOf(current.value) === nameOf(ifValue.equals);
}

/** Whether conditions hold on a range of keys. */
export function holdsOnRange(
  { ifMatch, ifNoneMatch }: Conditions,
  { start, end }: KeyTarget & { readonly kind: "range" },
  { versions, revision, oldest }: {
    readonly versions: ModelVersions;
    readonly revision: number;
    readonly oldest: number;
  },
): boolean {
  const isEmpty = versions.shown(start, end, revision).length === 0;
  const matches = (tags: readonly number[] | "any"): boolean =>
    tags === "any"
      ? !isEmpty
      : tags.some((tag) =>
        tag >= oldest && tag <= revision && versions.lastChange({ start, end }, revision) <= tag
      );
  return (ifMatch === undefined || matches(ifMatch)) &&
    (ifNoneMatch === undefined || !matches(ifNoneMatch));
}

/** Whether a compare holds for one key. */
export function compares(
  { operator, expected }: Compare,
  record: KvRecord | undefined,
): boolean {
  switch (expected.kind) {
    case "value":
      if (record === undefined) return false;
      return ordered(nameOf(record.value), operator, nameOf(expected.bytes));
    case "lease":
      return ordered(BigInt(record?.lease ?? 0), operator, BigInt(expected.lease));
    default:
      return ordered(record?.[expected.kind] ?? 0, operator, expected.count);
  }
}

function ordered<T extends string | number | bigint>(
  a: T,
  operator: Compare["operator"],
  b: T,
): boolean {
  switch (operator) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case ">":
      return a > b;
  }
}

/** Undefined where the old value is none that can be changed so. */
export function updated(
  { change }: Update,
  before: Uint8Array | undefined,
): Uint8Array | undefined {
  if (change.kind === "append") return Uint8Array.of(...before ?? [], ...change.bytes);
  if (before === undefined) return bytesOf(change.operand);
  const text = nameOf(before);
  if (!/^-?[0-9]{1,19}$/.test(text) || String(BigInt(text)) !== text) return undefined;
  const [current, operand] = [BigInt(text), BigInt(change.operand)];
  const result = change.kind === "add"
    ? current + operand
    : (current < operand) === (change.kind === "min")
    ? current
    : operand;
  const isTooLong = [current, result].some((each) => BigInt.asIntN(64, each) !== each);
  return isTooLong ? undefined : bytesOf(String(result));
}
