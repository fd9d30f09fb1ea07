/** Leases as values of this client. */

import type { JsonObject } from "./members.ts";
import {
  booleanMember,
  bytesMember,
  listMember,
  numberMember,
  objectOf,
  optionalText,
  textMember,
} from "./records.ts";

/** What a lease is asked for with. */
export interface LeaseRequest {
  /** How long it lives unless it is kept alive: 1,000 ms to 366 days. */
  readonly ttlMs: number;
  /** A signed 64-bit integer other than 0, as text; chosen by the store unless given. */
  readonly id?: string;
}

/** A lease that has its whole time from now on. */
export interface LeaseGiven {
  readonly id: string;
  readonly ttlMs: number;
  readonly revision: number;
}

/** A lease, as it is. */
export interface Lease {
  readonly id: string;
  readonly ttlMs: number;
  /** Of cluster time, which stands still while there is no leader. */
  readonly remainingMs: number;
  readonly keyCount: number;
  /** The lease of one key that was put with a time to live: it goes with the key. */
  readonly isPrivate: boolean;
}

/** A lease with the keys that hang on it. */
export interface LeaseInfo extends Lease {
  /** In key order; empty unless asked for. */
  readonly keys: readonly Uint8Array[];
  /** `keys` lacks some: an answer ends at 16 MiB. */
  readonly more: boolean;
  readonly revision: number;
}

/** Leases by their ids, as they are now: pages do not share a view. */
export interface LeasePage {
  readonly items: readonly Lease[];
  readonly revision: number;
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

/** The path of a lease. */
export function leasePath(id: string): string {
  return `/v1/leases/${encodeURIComponent(id)}`;
}

/** What grant and keepalive answer. */
export function leaseGivenOf(json: JsonObject): LeaseGiven {
  return {
    id: textMember(json, "id"),
    ttlMs: numberMember(json, "ttl_ms"),
    revision: numberMember(json, "revision"),
  };
}

function leaseOf(json: JsonObject): Lease {
  return {
    id: textMember(json, "id"),
    ttlMs: numberMember(json, "ttl_ms"),
    remainingMs: numberMember(json, "remaining_ms"),
    keyCount: numberMember(json, "key_count"),
    isPrivate: booleanMember(json, "private"),
  };
}

/** One lease. */
export function leaseInfoOf(json: JsonObject): LeaseInfo {
  return {
    ...leaseOf(json),
    keys: listMember(json, "keys").map((key) => bytesMember(objectOf(key), "key")),
    more: json["more"] === true,
    revision: numberMember(json, "revision"),
  };
}

/** A page of leases. */
export function leasePageOf(json: JsonObject): LeasePage {
  return {
    items: listMember(json, "items").map((lease) => leaseOf(objectOf(lease))),
    revision: numberMember(json, "revision"),
    cursor: optionalText(json, "cursor"),
  };
}
