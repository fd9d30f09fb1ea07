/**
 * Records in JSON. Bytes that are strict UTF-8 stand under `key` and `value`, all others in
 * base64url under `key64` and `value64`; never both: no byte is lost and text stays readable.
 */

import { base64url, strictText } from "../lib/bytes.ts";
import type { KvRecord } from "../service/contract.ts";
import { octetStream } from "./media_type.ts";

export type KeyFields = { readonly key: string } | { readonly key64: string };
export type ValueFields = { readonly value: string } | { readonly value64: string };

/** A key as JSON members. */
export function keyFields(key: Uint8Array): KeyFields {
  const text = strictText(key);
  return text === undefined ? { key64: base64url(key) } : { key: text };
}

/** A value as JSON members. */
export function valueFields(value: Uint8Array): ValueFields {
  const text = strictText(value);
  return text === undefined ? { value64: base64url(value) } : { value: text };
}

export type RecordJson = KeyFields & Partial<ValueFields> & {
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly lease?: string;
  readonly content_type: string;
};

/** A record in record form, `withValue` false where only its key was asked for. */
export function recordJson(
  record: KvRecord,
  { withValue = true }: { readonly withValue?: boolean } = {},
): RecordJson {
  return {
    ...keyFields(record.key),
    ...(withValue ? valueFields(record.value) : {}),
    create: record.create,
    mod: record.mod,
    version: record.version,
    ...(record.lease === undefined ? {} : { lease: record.lease }),
    content_type: record.mediaType ?? octetStream,
  };
}

/** Values beyond this are left out of problem documents. */
const problemValueBytesMax = 64 * 1024;

/**
 * The record in a refusal: null when the key is absent, without its value when that is large, or is
 * `valueOmitted` already.
 */
export function currentJson(record: KvRecord | undefined, valueOmitted = false): RecordJson | null {
  if (record === undefined) return null;
  const isShort = record.value.length <= problemValueBytesMax;
  return recordJson(record, { withValue: isShort && !valueOmitted });
}
