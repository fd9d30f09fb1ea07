/** What a key was, as values of this client. */

import type { JsonObject } from "./members.ts";
import {
  bytesMember,
  type KeyRecord,
  listMember,
  numberMember,
  objectOf,
  optionalText,
  recordOf,
  textMember,
} from "./records.ts";

/** A version of a key, or its deletion. `time`: by the clock of the node that led then. */
export type HistoryItem =
  | { readonly kind: "version"; readonly record: KeyRecord; readonly time: string }
  | {
    readonly kind: "deleted";
    readonly key: Uint8Array;
    /** The revision that deleted it. */
    readonly mod: number;
    readonly time: string;
  };

/** The newest first, all of one view over all pages. */
export interface HistoryPage {
  readonly items: readonly HistoryItem[];
  readonly revision: number;
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

/** A page of a history. */
export function historyPageOf(json: JsonObject): HistoryPage {
  return {
    items: listMember(json, "items").map((item) => historyItemOf(objectOf(item))),
    revision: numberMember(json, "revision"),
    cursor: optionalText(json, "cursor"),
  };
}

function historyItemOf(json: JsonObject): HistoryItem {
  const time = textMember(json, "time");
  return json["deleted"] === true
    ? { kind: "deleted", key: bytesMember(json, "key"), mod: numberMember(json, "mod"), time }
    : { kind: "version", record: recordOf(json), time };
}
