/**
 * What must hold of the records of a backup, one after the other, so that a store can take them
 * over and be a store: whoever receives a backup asks before it is proposed, apply asks again.
 */

import { compareBytes, equalBytes, MalformedBytesError } from "../../lib/bytes.ts";
import { isContestKey } from "../contest_keys.ts";
import {
  answerBytesKept,
  idempotencyKeyBytesMax,
  identityBytesMax,
  requestHashBytesMax,
  streamAnswersMax,
  windowMs,
} from "../idempotency.ts";
import { isOwnKey, isStoredKey } from "../key_space.ts";
import { leaseTtlMsMax, leaseTtlMsMin } from "../leases.ts";
import { orderedLease } from "../ledger.ts";
import { keyBytesMax, mediaTypeLengthMax, type Revision, valueBytesMax } from "../record.ts";
import { decodeResult } from "../result_encoding.ts";
import {
  type BackupAnswer,
  type BackupBlock,
  type BackupChange,
  backupCountMax,
  type BackupLease,
  type BackupRecord,
  type BackupSection,
  backupSections,
  wallMsMax,
} from "./format.ts";
import { type BackupProgress, noProgress } from "./progress.ts";

/** What the header says of all records. */
export interface BackupExtent {
  readonly revision: Revision;
  readonly clusterTimeMs: number;
}

/** A block of records. */
export type RecordsBlock = Extract<BackupBlock, { readonly kind: BackupSection }>;

/** The progress behind `block`. Throws MalformedBytesError, which says what is wrong. */
export function progressBehind(
  block: RecordsBlock,
  before: BackupProgress,
  extent: BackupExtent,
): BackupProgress {
  let progress = before;
  if (block.kind !== before.section) {
    must(
      backupSections.indexOf(block.kind) > backupSections.indexOf(before.section),
      () => `${block.kind} stand behind ${before.section}`,
    );
    progress = { ...before, section: block.kind, last: noProgress.last };
  }
  for (const record of block.records) progress = behindRecord(record, progress, extent);
  return progress;
}

function behindRecord(
  record: BackupRecord,
  before: BackupProgress,
  extent: BackupExtent,
): BackupProgress {
  switch (record.kind) {
    case "lease":
      return behindLease(record, before);
    case "change":
      return behindChange(record, before, extent);
    default:
      return behindAnswer(record, before);
  }
}

function behindLease(lease: BackupLease, before: BackupProgress): BackupProgress {
  const { id, ttlMs, remainingMs } = lease;
  const last = orderedLease(id);
  must(compareBytes(last, before.last) > 0, () => `lease ${id} is out of order`);
  must(
    ttlMs >= leaseTtlMsMin && ttlMs <= leaseTtlMsMax && remainingMs <= ttlMs,
    () => `lease ${id} has ${remainingMs} ms of ${ttlMs} ms left`,
  );
  return { ...before, last };
}

function behindChange(
  change: BackupChange,
  before: BackupProgress,
  extent: BackupExtent,
): BackupProgress {
  const { revision, timeMs, wallMs, key, written } = change;
  const where = (): string => `a change of revision ${revision}`;
  must(revision > 1 && revision <= extent.revision, () => `${where()} cannot be`);
  must(
    revision >= before.revision && timeMs >= before.timeMs && timeMs <= extent.clusterTimeMs,
    () => `${where()} is out of order`,
  );
  must(wallMs <= wallMsMax, () => `${where()} is of the time ${wallMs}, which no date can be`);
  const isKey = isOwnKey(key)
    ? isContestKey(key)
    : isStoredKey(key) && key.length <= keyBytesMax + 1;
  must(isKey, () => `${where()} is of a key of ${key.length} bytes that cannot be`);
  if (written !== undefined) {
    const { create, version, value, lease, mediaType } = written;
    must(
      create >= 1 && create <= revision && version >= 1 && version <= backupCountMax,
      () => `${where()} has version ${version} since ${create}`,
    );
    must(value.length <= valueBytesMax, () => `${where()} has ${value.length} bytes`);
    must(
      mediaType === undefined || mediaType.length <= mediaTypeLengthMax,
      () => `${where()} has a media type of ${mediaType?.length} characters`,
    );
    must(lease !== undefined || !isOwnKey(key), () => `${where()} lacks its lease`);
  }
  return { ...before, revision, timeMs };
}

function behindAnswer(answer: BackupAnswer, before: BackupProgress): BackupProgress {
  const { scope } = answer;
  must(
    scope.length <= identityBytesMax + idempotencyKeyBytesMax + 2,
    () => `the scope of an answer has ${scope.length} bytes`,
  );
  if (answer.kind === "stream") {
    const isNext = before.newest === undefined || compareBytes(scope, before.last) > 0;
    must(isNext, () => "a stream is out of order");
    must(answer.idleMs < windowMs, () => `a stream was idle for ${answer.idleMs} ms`);
    return { ...before, last: scope, newest: answer.newest };
  }
  requireAnswer(answer);
  if (answer.kind === "numbered") {
    const { newest } = before;
    const isOfStream = newest !== undefined && equalBytes(scope, before.last);
    must(isOfStream, () => "a numbered answer is without its stream");
    const isKept = isOfStream && answer.seq <= newest && answer.seq > newest - streamAnswersMax;
    must(isKept, () => `answer ${answer.seq} of a stream that is at ${newest}`);
    return before;
  }
  const isNext = before.newest === undefined && compareBytes(scope, before.last) > 0;
  must(isNext, () => "an answer is out of order");
  return { ...before, last: scope };
}

function requireAnswer(
  { remainingMs, requestHash, result }: Exclude<BackupAnswer, { readonly kind: "stream" }>,
): void {
  must(remainingMs <= windowMs, () => `an answer is kept for ${remainingMs} ms`);
  must(
    requestHash.length <= requestHashBytesMax,
    () => `the hash of a request has ${requestHash.length} bytes`,
  );
  must(
    result.length <= answerBytesKept && decodeResult(result).ok,
    () => "a remembered answer cannot be read",
  );
}

function must(holds: boolean, flaw: () => string): void {
  if (!holds) throw new MalformedBytesError(flaw());
}
