/** Conditions of requests: what a write carries of them, and the refusal where one fails. */

import { lossyText } from "../lib/bytes.ts";
import type { Conditions, KvRecord } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { absentTag, recordTag, type Tags } from "./etag.ts";
import { shown } from "./json_path.ts";
import { contradiction } from "./options.ts";
import { currentJson } from "./record_json.ts";

/** The conditions as options. */
export interface Conditional {
  readonly if_match?: Tags;
  readonly if_none_match?: Tags;
}

/** The conditions of a write as the log command carries them. */
export function conditionsOf(options: Conditional): Conditions {
  const { if_match: ifMatch, if_none_match: ifNoneMatch } = options;
  if (ifMatch === "any" && ifNoneMatch === "any") {
    throw contradiction("if_match", "If-Match: * and If-None-Match: * never hold together");
  }
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}

/** Conditions of HTTP that the store cannot judge: to ignore one would be to write without it. */
export function refuseUnsupportedConditions(call: Call): void {
  for (const header of ["If-Unmodified-Since", "Content-Range"]) {
    const value = call.request.headers.get(header);
    if (value === null) continue;
    throw new ServiceError(
      "bad_request",
      `${header} is ${shown(value)}, which ${call.request.method} does not take; conditions are ` +
        "If-Match and If-None-Match with revisions",
    );
  }
}

/** The tag of an absent key is 0, and `*` means any but that one. */
export function matches(tags: Tags, tag: number): boolean {
  return tags === "any" ? tag !== 0 : tags.includes(tag);
}

/** What stood under the key that was to be as `conditions` said. */
export interface Refuted {
  readonly key: Uint8Array;
  readonly conditions: Conditions;
  readonly current: KvRecord | undefined;
  /** `current` is without its value, which is too long for a refusal. */
  readonly valueOmitted?: boolean;
}

/** The refusal of a condition, with the record as it is. */
export function preconditionFailed(
  { key, conditions: { ifMatch, ifNoneMatch }, current, valueOmitted }: Refuted,
): ServiceError {
  const is = current === undefined ? "does not exist" : `is at revision ${current.mod}`;
  const failed = ifMatch !== undefined && !matches(ifMatch, current?.mod ?? 0)
    ? `If-Match wanted ${ifMatch === "any" ? "any revision" : ifMatch.join(" or ")}`
    : `If-None-Match wanted ${ifNoneMatch === "any" ? "no such key" : "another revision"}`;
  return new ServiceError("precondition_failed", `${shownKey(key)} ${is}, ${failed}`, {
    extra: { current: currentJson(current, valueOmitted) },
  });
}

/** The same to a repetition of which no longer is known what stood there. */
export function preconditionHadFailed(key: Uint8Array): ServiceError {
  const detail = `${shownKey(key)} was not as the condition wanted when this was first asked`;
  return new ServiceError("precondition_failed", detail);
}

/** The tag of what stands under a key. */
export function currentTag(current: KvRecord | undefined): string {
  return current === undefined ? absentTag : recordTag(current.mod);
}

/** A key as a message to people names it. */
export function shownKey(key: Uint8Array): string {
  const text = lossyText(key.subarray(0, 200));
  return key.length > 200 ? `${text}…` : text;
}
