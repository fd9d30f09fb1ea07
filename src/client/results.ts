/** What calls come to, beside records. */

import { fromBase64url, utf8 } from "../lib/bytes.ts";
import type { JsonObject } from "./members.ts";
import {
  type KeyRecord,
  listMember,
  MalformedAnswerError,
  numberMember,
  optionalText,
  prevOf,
  recordOf,
} from "./records.ts";

/** What a write made of the key. */
export interface PutResult {
  readonly revision: number;
  readonly create: number;
  /** 1 when this write created the key. */
  readonly version: number;
  /** With `prev`: the record before, where there was one. */
  readonly prev?: KeyRecord;
  /** The first answer was lost, and `prev` is missing in this one, whatever there was. */
  readonly resultsOmitted?: true;
}

/** What counting came to. */
export interface CountResult extends PutResult {
  /** The new number. */
  readonly value: bigint;
}

/** What a delete found. */
export interface DeleteResult {
  /** 0 when there was no such key. */
  readonly deleted: number;
  readonly revision: number;
  /** With `prev`: the deleted record. */
  readonly prev?: KeyRecord;
  /** The first answer was lost, and `prev` is missing in this one, whatever there was. */
  readonly resultsOmitted?: true;
}

/** What deleting a range found. */
export interface DeleteRangeResult {
  readonly deleted: number;
  readonly revision: number;
  /** With `limit`: the range holds more keys. */
  readonly more: boolean;
  /** With `prev`: the first of the deleted records, about 1 MiB of them. */
  readonly prev: readonly KeyRecord[];
}

/** Records in key order, all of one revision over all pages. */
export interface Page {
  readonly items: readonly KeyRecord[];
  /** With `delimiter`: the folders, each up to and with it. */
  readonly prefixes: readonly Uint8Array[];
  readonly revision: number;
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

/** Where the past begins now. */
export interface CompactResult {
  /** The store's. */
  readonly revision: number;
  /** The oldest revision that can be read. */
  readonly oldest: number;
}

/** What PUT, PATCH and POST of a key answer. */
export function putResultOf(json: JsonObject): PutResult {
  return {
    revision: numberMember(json, "revision"),
    create: numberMember(json, "create"),
    version: numberMember(json, "version"),
    ...prevOf(json),
    ...omittedOf(json),
  };
}

/** What DELETE of a key answers. */
export function deleteResultOf(json: JsonObject): DeleteResult {
  return {
    deleted: numberMember(json, "deleted"),
    revision: numberMember(json, "revision"),
    ...prevOf(json),
    ...omittedOf(json),
  };
}

function omittedOf(json: JsonObject): { readonly resultsOmitted?: true } {
  return json["results_omitted"] === true ? { resultsOmitted: true } : {};
}

/** What DELETE of a range answers. */
export function deleteRangeResultOf(json: JsonObject): DeleteRangeResult {
  return {
    deleted: numberMember(json, "deleted"),
    revision: numberMember(json, "revision"),
    more: json["more"] === true,
    prev: listMember(json, "prev").map(recordOf),
  };
}

/** A page of records. */
export function pageOf(json: JsonObject): Page {
  return {
    items: listMember(json, "items").map(recordOf),
    prefixes: foldersOf(json),
    revision: numberMember(json, "revision"),
    cursor: optionalText(json, "cursor"),
  };
}

/** The folders of a page: those that are text, then the others. */
export function foldersOf(json: JsonObject): readonly Uint8Array[] {
  return [
    ...listMember(json, "prefixes").map((text) => utf8(String(text))),
    ...listMember(json, "prefixes64").map((coded) => {
      const bytes = fromBase64url(String(coded));
      if (bytes !== undefined) return bytes;
      throw new MalformedAnswerError(`The answer's prefixes64 holds ${String(coded)}`);
    }),
  ];
}
