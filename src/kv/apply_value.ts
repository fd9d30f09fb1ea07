/** Writes whose new value follows from the old one: merge patches, counters, appending. */

import { concatBytes, emptyBytes, strictText, utf8 } from "../lib/bytes.ts";
import { refusedChange, writeVersion } from "./apply_put.ts";
import { type ChangeHead, isDeletion } from "./change.ts";
import type { Conditions, Merge, Update, ValueChange } from "./command.ts";
import { storedKey } from "./key_space.ts";
import { applyMergePatch } from "./merge_patch.ts";
import { valueBytesMax } from "./record.ts";
import { rejected } from "./rejected.ts";
import type { ConditionFailed, PutDone, Rejected, RejectedCode } from "./result.ts";
import type { Stamp } from "./stamp.ts";
import type { Store } from "./store.ts";

/** The new value, or why there is none. */
type Computed =
  | { readonly ok: true; readonly value: Uint8Array }
  | { readonly ok: false; readonly code: RejectedCode; readonly reason: string };

/** A longer value is not shown in a refusal. */
const shownBytesMax = 64;

interface Derived {
  readonly key: Uint8Array;
  readonly conditions: Conditions;
  readonly prev: boolean;
  readonly returnValue: boolean;
  /** Of a key that this makes. */
  readonly mediaType: string | undefined;
  /** `before` is undefined where the key is absent. */
  readonly compute: (before: Uint8Array | undefined) => Computed;
}

/** RFC 7396. An absent key is patched as `{}`. */
export function applyMerge(store: Store, merge: Merge, stamp: Stamp): Written {
  const compute = (before: Uint8Array | undefined): Computed => {
    const merged = applyMergePatch(before ?? emptyObject, merge.patch);
    return merged.ok ? merged : { ...merged, code: "value_type_mismatch" };
  };
  return derive(store, { ...merge, mediaType: "application/json", compute }, stamp);
}

const emptyObject = utf8("{}");

/** Counts, or appends. */
export function applyUpdate(store: Store, update: Update, stamp: Stamp): Written {
  const compute = (before: Uint8Array | undefined): Computed => changed(update.change, before);
  return derive(store, { ...update, mediaType: undefined, compute }, stamp);
}

type Written = PutDone | ConditionFailed | Rejected;

function derive(store: Store, derived: Derived, stamp: Stamp): Written {
  const key = storedKey(derived.key);
  const head = store.head(key);
  const refusal = refusedChange(store, { key, head, conditions: derived.conditions }, stamp);
  if (refusal !== undefined) return refusal;
  const alive = head === undefined || isDeletion(head) ? undefined : head;
  const computed = derived.compute(alive && valueOf(store, alive));
  if (!computed.ok) return rejected(store, computed.code, computed.reason);
  const { value } = computed;
  const version = alive === undefined
    ? { value, mediaType: derived.mediaType, lease: undefined }
    : { value, mediaType: alive.mediaType, lease: alive.lease };
  return writeVersion(store, { ...derived, key, head, version }, stamp);
}

function valueOf(store: Store, head: ChangeHead): Uint8Array {
  return store.tables.change(head.number)?.value ?? emptyBytes;
}

function changed(change: ValueChange, before: Uint8Array | undefined): Computed {
  if (change.kind === "append") return appended(before ?? emptyBytes, change.bytes);
  if (before === undefined) return { ok: true, value: utf8(change.operand) };
  const current = integerOf(strictText(before.subarray(0, integerLengthMax + 1)) ?? "");
  if (current === undefined) {
    return mismatch(`the value ${shown(before)} is not a signed 64-bit integer in decimal`);
  }
  const result = combined(change.kind, current, BigInt(change.operand));
  return isInt64(result)
    ? { ok: true, value: utf8(result.toString()) }
    : mismatch(`${current} + ${change.operand} does not fit into a signed 64-bit integer`);
}

function appended(before: Uint8Array, more: Uint8Array): Computed {
  const length = before.length + more.length;
  if (length <= valueBytesMax) return { ok: true, value: concatBytes([before, more]) };
  const reason = `the value would have ${length} bytes, allowed are 0 … ${valueBytesMax}`;
  return { ok: false, code: "value_too_large", reason };
}

/** A short text as it is; of everything else how much it is. */
function shown(value: Uint8Array): string {
  const text = value.length <= shownBytesMax ? strictText(value) : undefined;
  return text === undefined ? `of ${value.length} bytes` : JSON.stringify(text);
}

function mismatch(reason: string): Computed {
  return { ok: false, code: "value_type_mismatch", reason };
}

function combined(kind: "add" | "min" | "max", current: bigint, operand: bigint): bigint {
  if (kind === "add") return current + operand;
  const isLess = current < operand;
  return isLess === (kind === "min") ? current : operand;
}

/** A sign and nineteen digits. */
const integerLengthMax = 20;

/** The number that `text` is, in its one spelling; undefined for any other text. */
export function integerOf(text: string): bigint | undefined {
  if (text.length > integerLengthMax || !/^(0|-?[1-9][0-9]*)$/.test(text)) return undefined;
  const number = BigInt(text);
  return isInt64(number) ? number : undefined;
}

function isInt64(number: bigint): boolean {
  return BigInt.asIntN(64, number) === number;
}
