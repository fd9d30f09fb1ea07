/** Leases: granted, kept alive, seen and revoked. */

import { ByteWriter, utf8 } from "../lib/bytes.ts";
import { keyBytesMax, type LeaseKeysPage } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { emptyAnswer, jsonAnswer } from "./answer.ts";
import { type AskedRead, readAs, type ViewOf } from "./ask.ts";
import { omittedFields, writeAs } from "./ask_write.ts";
import { refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import { openCursor, sealCursor } from "./cursor_seal.ts";
import { isLeaseId } from "./int64.ts";
import { requireJson } from "./json_body.ts";
import { recordsAnswer } from "./json_steps.ts";
import { LeaseRequestSchema } from "./lease_schemas.ts";
import { jsonMediaType } from "./media_type.ts";
import { linkToNext, pageLimitDefault } from "./paging.ts";
import { contradiction } from "./options.ts";
import { keyFields } from "./record_json.ts";
import { leaseOfPath } from "./target.ts";

type LeaseView = ViewOf<"leases">["leases"][number];

/** `POST /v1/leases`: 201, and where the lease is. */
export async function grantLease(call: Call): Promise<Response> {
  const { ttl, id } = await requireJson(call, { [jsonMediaType]: LeaseRequestSchema });
  const named = id === undefined ? {} : { id };
  const done = await writeAs("granted", call, { kind: "grantLease", ttlMs: ttl, ...named });
  const { lease, revision } = done;
  call.extraHeaders["Location"] = `/v1/leases/${lease.id}`;
  return jsonAnswer(call, 201, {
    id: lease.id,
    ttl_ms: lease.ttlMs,
    revision,
    ...omittedFields(done),
  });
}

/** `POST /v1/leases/{id}/keepalive`: its whole time again. */
export async function keepLeaseAlive(call: Call): Promise<Response> {
  const id = leaseOfPath(call.path);
  await refuseBody(call);
  const done = await writeAs("kept", call, { kind: "keepLeases", ids: [id] });
  const lease = done.leases[0];
  if (lease === undefined) {
    call.outcome = "not_applied";
    throw noLease(id);
  }
  const { revision } = done;
  return jsonAnswer(call, 200, { id, ttl_ms: lease.ttlMs, revision, ...omittedFields(done) });
}

/** `DELETE /v1/leases/{id}`: the lease ends, and its keys go with it. */
export async function revokeLease(call: Call): Promise<Response> {
  const id = leaseOfPath(call.path);
  await refuseBody(call);
  await writeAs("ended", call, { kind: "revokeLease", id });
  return emptyAnswer(call, 204);
}

/** A page of keys ends with the one that passes this: in JSON they may be six times as long. */
const keysBytesMax = 2 * 1024 * 1024;

/** The options of `GET /v1/leases/{id}`. */
export interface LeaseOptions extends AskedRead {
  readonly keys?: boolean;
  readonly limit?: number;
  readonly cursor?: string;
}

/** `GET /v1/leases/{id}`: a page of its keys where they are asked for, as they are now. */
export async function getLease(call: Call, options: LeaseOptions): Promise<Response> {
  const id = leaseOfPath(call.path);
  const keys = keysPage(id, options);
  const view = await readAs("lease", call, { kind: "lease", id, keys }, options);
  if (view.lease === undefined) throw noLease(id);
  const last = view.more === true ? view.keys?.at(-1) : undefined;
  const cursor = last && sealCursor(boundToKeysOf(id), last);
  linkToNext(call, cursor);
  return await recordsAnswer(call, 200, {
    ...leaseJson(view.lease),
    ...(view.keys === undefined ? {} : { keys: view.keys.map(keyFields) }),
    revision: view.revision,
    ...(cursor === undefined ? {} : { cursor }),
  });
}

function keysPage(id: string, options: LeaseOptions): LeaseKeysPage | undefined {
  const { keys = false, limit = pageLimitDefault, cursor } = options;
  for (const word of ["limit", "cursor"] as const) {
    if (keys || options[word] === undefined) continue;
    throw contradiction(word, `${word} is given without keys`);
  }
  if (!keys) return undefined;
  const page = { limit, bytesMax: keysBytesMax };
  if (cursor === undefined) return page;
  const after = openCursor(boundToKeysOf(id), cursor, (body) => {
    const key = body.raw(body.remaining).slice();
    return key.length >= 1 && key.length <= keyBytesMax ? key : undefined;
  });
  return { ...page, after };
}

function boundToKeysOf(id: string): Uint8Array {
  return utf8(`leases/${id}/keys`);
}

/** The options of `GET /v1/leases`. */
export interface LeasesOptions extends AskedRead {
  readonly limit?: number;
  readonly cursor?: string;
}

/** `GET /v1/leases`: a page of all leases as they are now, by their ids. */
export async function listLeases(call: Call, options: LeasesOptions): Promise<Response> {
  const { limit = pageLimitDefault } = options;
  const behind = options.cursor === undefined ? {} : { after: decodeAfter(options.cursor) };
  const view = await readAs("leases", call, { kind: "leases", limit, ...behind }, options);
  const cursor = view.next === undefined ? undefined : encodeAfter(view.next);
  linkToNext(call, cursor);
  return await recordsAnswer(call, 200, {
    items: view.leases.map(leaseJson),
    count: view.leases.length,
    revision: view.revision,
    ...(cursor === undefined ? {} : { cursor }),
  });
}

function leaseJson(lease: LeaseView): Readonly<Record<string, unknown>> {
  const { id, ttlMs, remainingMs, keyCount, isPrivate } = lease;
  return {
    id,
    ttl_ms: ttlMs,
    remaining_ms: remainingMs,
    key_count: keyCount,
    private: isPrivate,
  };
}

/** The refusal where there is no such lease. */
export function noLease(id: string): ServiceError {
  return new ServiceError("lease_not_found", `There is no lease ${id}`);
}

const boundTo = utf8("leases");

function encodeAfter(id: string): string {
  return sealCursor(boundTo, new ByteWriter().text(id).finish());
}

function decodeAfter(text: string): string {
  return openCursor(boundTo, text, (body) => {
    const id = body.text();
    body.end();
    return isLeaseId(id) ? id : undefined;
  });
}
