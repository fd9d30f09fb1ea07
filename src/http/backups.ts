/** Backups over HTTP: downloads that can go on where they broke off, and uploads of any length. */

import { z } from "@hono/zod-openapi";
import { hex } from "../lib/bytes.ts";
import type { BackupOutline, KeptBackup, Revision } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { answer, jsonAnswer } from "./answer.ts";
import { type AskedRead, readOptions, requestOptions } from "./ask.ts";
import { bodyPieces } from "./body_pieces.ts";
import { type RangeAsked, rangeAsked } from "./byte_ranges.ts";
import type { Call } from "./call.ts";
import { digestAsked, digestField } from "./digest_fields.ts";
import { count } from "./schemas.ts";
import { timeText } from "./times.ts";

/** What a backup is sent as; restoring takes any type. */
export const backupMediaType = "application/vnd.skein.backup";

/** Making a backup, or going on with one that is kept: `GET /v1/snapshot`. */
export async function downloadBackup(call: Call, options: AskedRead): Promise<Response> {
  const { backups, kv } = call.services;
  const asked = rangeAsked(call.request);
  const kept = asked === undefined ? undefined : backups.kept(asked.tag);
  if (asked !== undefined && kept !== undefined) {
    call.header = { ...kv.header(), revision: kept.revision };
    return partAnswer(call, kept, asked);
  }
  // Whoever has the beginning of another backup gets all of this one (RFC 9110 §14.2).
  call.connection?.keepOpen();
  const read = readOptions(call, options, undefined);
  const { backup, header } = await call.whileWaiting(() => backups.make(read))
    .catch((error: unknown) => {
      call.header = kv.header();
      throw error;
    });
  call.header = header;
  return bodyAnswer(call, 200, backup, { start: 0, end: backup.bytes });
}

function partAnswer(call: Call, backup: KeptBackup, { from, to }: RangeAsked): Response {
  const { bytes } = backup;
  const start = from ?? Math.max(0, bytes - (to ?? 0));
  const end = from === undefined ? bytes : Math.min(bytes, (to ?? bytes - 1) + 1);
  if (start >= end) {
    call.extraHeaders["Content-Range"] = `bytes */${bytes}`;
    throw new ServiceError(
      "range_not_satisfiable",
      `Range is "${call.request.headers.get("Range")}", the backup has ${bytes} bytes`,
    );
  }
  call.extraHeaders["Content-Range"] = `bytes ${start}-${end - 1}/${bytes}`;
  return bodyAnswer(call, 206, backup, { start, end });
}

function bodyAnswer(
  call: Call,
  status: 200 | 206,
  backup: KeptBackup,
  part: { readonly start: number; readonly end: number },
): Response {
  const name = `${backup.clusterId}-${backup.revision}.skein`;
  Object.assign(call.extraHeaders, {
    "ETag": `"${backup.tag}"`,
    "Accept-Ranges": "bytes",
    "Repr-Digest": digestField(backup.sha256),
    "Content-Length": String(part.end - part.start),
    "Content-Disposition": `attachment; filename="${name}"`,
  });
  const isHead = call.request.method === "HEAD";
  if (!isHead) call.connection?.keepOpen();
  // For HEAD the headers alone: a body of that length is not even opened.
  const content = isHead ? null : backup.body(part);
  return answer(call, status, { content, contentType: backupMediaType });
}

/** For so long nothing may come of a body, or of a restore, unless the request says otherwise. */
const pauseMsMax = 60_000;

/** The options of `PUT /v1/snapshot`. */
export interface UploadOptions {
  readonly timeout?: number;
  readonly replace?: boolean;
  readonly verify?: boolean;
  readonly above?: Revision;
}

/** Restoring what comes as the body, or looking whether it is whole. */
export async function uploadBackup(call: Call, options: UploadOptions): Promise<Response> {
  const { backups, kv } = call.services;
  call.timeoutMs = options.timeout ?? pauseMsMax;
  const sha256 = digestAsked(call.request);
  const pieces = bodyPieces(call);
  call.connection?.keepOpen();
  const request = {
    ...{ pieces, sha256, over: options.replace === true ? "any" : "empty" } as const,
    ...{ verifyOnly: options.verify ?? false, above: options.above ?? 0 },
  };
  call.outcome = "unknown";
  // Who restores waits until it is done, and need not stay: it goes on.
  const limits = { ...requestOptions(call), timeoutMs: call.timeoutMs };
  const { answer: done, header } = await call
    .whileWaiting(() => backups.restore(request, limits))
    .catch((error: unknown) => {
      call.header = kv.header();
      throw error;
    });
  call.header = header;
  call.outcome = "applied";
  const { backup, revision } = done;
  return jsonAnswer(call, 200, {
    ...(revision === undefined ? { verified: true } : { revision }),
    backup: outlineJson(backup),
  });
}

function outlineJson(backup: BackupOutline): Readonly<Record<string, unknown>> {
  return {
    format: backup.format,
    program: backup.program,
    created: timeText(backup.createdMs),
    cluster_id: backup.clusterId,
    applied_index: backup.appliedIndex,
    revision: backup.revision,
    oldest: backup.oldest,
    keys: backup.keys,
    leases: backup.leases,
    changes: backup.changes,
    answers: backup.answers,
    bytes: backup.bytes,
    sha256: hex(backup.sha256),
  };
}

const BackupSchema = z.object({
  format: count("Of the file."),
  program: z.string().openapi({ description: "The version that made it.", example: "0.1.0" }),
  created: z.string().openapi({ description: "When, by the clock of who made it." }),
  cluster_id: z.string().openapi({ description: "Whose it was." }),
  applied_index: count("The last entry of that cluster's log that is in it."),
  revision: count("Of the store that it was made of."),
  oldest: count("The oldest revision of it that can be read."),
  keys: count("Keys that exist, those of locks and elections included."),
  leases: count("Leases."),
  changes: count("Versions and deletions of keys that it holds."),
  answers: count("Answers that are remembered for repeated requests."),
  bytes: count("Of the file."),
  sha256: z.string().openapi({ description: "Of the file, in hexadecimal." }),
}).openapi("Backup");

export const RestoredSchema = z.object({
  revision: count("The store's, now that all of it is there.").optional(),
  verified: z.boolean().optional().openapi({
    description: "With `verify`: the backup is whole, and nothing was changed.",
  }),
  backup: BackupSchema,
}).openapi("Restored");
