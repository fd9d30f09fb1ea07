/** Leases: granted, kept alive, seen and revoked. */

import { ByteWriter, utf8 } from "../lib/bytes.ts";
import { answerBytesMax } from "../service/contract.ts";
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
import { type KeyFields, keyFields } from "./record_json.ts";
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

/** The options of `GET /v1/leases/{id}`. */
export interface LeaseOptions extends AskedRead {
  readonly keys?: boolean;
}

/** `GET /v1/leases/{id}`. */
export async function getLease(call: Call, options: LeaseOptions): Promise<Response> {
  const id = leaseOfPath(call.path);
  const keys = options.keys ?? false;
  const view = await readAs("lease", call, { kind: "lease", id, keys }, options);
  if (view.lease === undefined) throw noLease(id);
  const { revision } = view;
  return await recordsAnswer(call, 200, {
    ...leaseJson(view.lease),
    ...(view.keys === undefined ? {} : keysField(view.keys)),
    revision,
  });
}

/** The keys that one answer holds: a lease may have more of them than that. */
function keysField(keys: readonly Uint8Array[]): {
  readonly keys: readonly KeyFields[];
  readonly more?: true;
} {
  const told: KeyFields[] = [];
  let bytes = 0;
  for (const key of keys) {
    bytes += key.length;
    if (bytes > answerBytesMax) return { keys: told, more: true };
    told.push(keyFields(key));
  }
  return { keys: told };
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

function noLease(id: string): ServiceError {
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
