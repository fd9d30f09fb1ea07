/**
 * Answers that are kept so that a write which is asked for twice is applied once: replicated state,
 * decided in apply. A key is remembered for {@link windowMs} of cluster time and never dropped
 * earlier; where there is no room for another one, new keyed writes are refused instead.
 *
 * A key of the form `NAME;SEQ` belongs to a stream: the newest {@link streamAnswersMax} numbers of
 * each NAME are kept, for as long as the stream is used and the window after, so that memory grows
 * with the number of clients and not with that of writes.
 *
 * ```text
 * answer, stream's answer   due:varint seq:varint requestHash:bytes answer
 * stream                    newest:varint used:varint
 * ```
 */

import { ByteReader, ByteWriter, emptyBytes, equalBytes, utf8 } from "../lib/bytes.ts";
import type { BackupAnswer } from "./backup/format.ts";
import type { Idempotency } from "./command.ts";
import type { Facts } from "./facts.ts";
import { countAt, type Ledger, ledgerKey, ledgerKind, orderedCount } from "./ledger.ts";

/** How long an answer is kept at least, ms of cluster time. */
export const windowMs = 10 * 60 * 1_000;
/** An answer of more bytes is not kept as it is: see result_encoding.ts. */
export const answerBytesKept = 4_096;
/** So many of the newest numbers of a stream are remembered. */
export const streamAnswersMax = 256;
export const answersMax = 1_000_000;
export const answersBytesMax = 256 * 1024 * 1024;
/** A key is 1 … this many bytes. */
export const idempotencyKeyBytesMax = 255;
/** An identity is 0 … this many bytes. */
export const identityBytesMax = 255;
/** SHA-256. */
export const requestHashBytesMax = 32;

/** What is known of a request. */
export type Recalled =
  /** It has not been seen, or so long ago that it is forgotten. */
  | { readonly kind: "new" }
  | { readonly kind: "answered"; readonly answer: Uint8Array }
  /** The key was used for another request. */
  | { readonly kind: "mismatch" }
  /** So many numbers of the stream came after it that nobody can tell. */
  | { readonly kind: "expired" }
  /** It has not been seen, and there is no room to remember it. */
  | { readonly kind: "full" };

/** The limits can be lowered for tests. */
export interface AnswerLimits {
  readonly answersMax: number;
  readonly bytesMax: number;
}

const limitsDefault: AnswerLimits = { answersMax, bytesMax: answersBytesMax };

/** One remembered answer, as its row holds it. */
export interface Kept {
  readonly seq: number;
  readonly requestHash: Uint8Array;
  readonly answer: Uint8Array;
  readonly dueMs: number;
}

/** What is known of a stream besides its answers. */
export interface Stream {
  readonly newest: number;
  readonly usedMs: number;
}

/** Where the answer to a request stands. */
type Place =
  | { readonly kind: "single"; readonly scope: Uint8Array; readonly key: Uint8Array }
  | {
    readonly kind: "stream";
    readonly scope: Uint8Array;
    readonly key: Uint8Array;
    readonly seq: number;
  };

/** All remembered answers of a store, in its ledger. */
export class AnswerBook {
  readonly #ledger: Ledger;
  readonly #facts: Facts;
  readonly #limits: AnswerLimits;
  /** Of the request that was asked for last: mostly it is the next to be remembered. */
  #last: { readonly asked: Idempotency; readonly place: Place } | undefined;

  constructor(ledger: Ledger, facts: Facts, limits: AnswerLimits = limitsDefault) {
    this.#ledger = ledger;
    this.#facts = facts;
    this.#limits = limits;
  }

  /** What is known of the request. `nowMs`: cluster time. */
  recall(asked: Idempotency, nowMs: number): Recalled {
    const place = this.#placeOf(asked);
    const kept = this.#kept(place);
    if (place.kind === "single") {
      if (kept === undefined || kept.dueMs <= nowMs) return this.#unseen();
    } else {
      const stream = this.#stream(place.scope);
      if (stream === undefined || stream.usedMs + windowMs <= nowMs) return this.#unseen();
      if (place.seq <= stream.newest - streamAnswersMax) return { kind: "expired" };
      if (kept?.seq !== place.seq) return this.#unseen();
    }
    return equalBytes(kept.requestHash, asked.requestHash)
      ? { kind: "answered", answer: kept.answer }
      : { kind: "mismatch" };
  }

  #unseen(): Recalled {
    const { remembered, rememberedBytes } = this.#facts.meta;
    const isFull = remembered >= this.#limits.answersMax ||
      rememberedBytes >= this.#limits.bytesMax;
    return { kind: isFull ? "full" : "new" };
  }

  /** Keeps the answer to a request of which {@link recall} knew nothing. */
  remember(asked: Idempotency, answer: Uint8Array, nowMs: number): void {
    const place = this.#placeOf(asked);
    const { requestHash } = asked;
    const dueMs = nowMs + windowMs;
    if (place.kind === "stream") this.#use(place, nowMs);
    else this.#forgetAnswer(place);
    const seq = place.kind === "stream" ? place.seq : 0;
    this.#setAnswer(place.key, { seq, requestHash, answer, dueMs });
    if (place.kind === "single") this.#ledger.set(dueKey(dueMs, place), emptyBytes);
  }

  #placeOf(asked: Idempotency): Place {
    const last = this.#last;
    if (last?.asked === asked) return last.place;
    const place = placeOf(asked);
    this.#last = { asked, place };
    return place;
  }

  /** The stream has one more number, and room for it. */
  #use(place: Place & { readonly kind: "stream" }, nowMs: number): void {
    const known = this.#stream(place.scope);
    const isForgotten = known !== undefined && known.usedMs + windowMs <= nowMs;
    if (isForgotten) this.#forgetStream(place.scope);
    else this.#dropAnswer(place.key);
    const newest = Math.max(isForgotten ? 0 : known?.newest ?? 0, place.seq);
    const row = new ByteWriter(16).varint(newest).varint(nowMs);
    this.#ledger.set(streamKey(place.scope), row.finish());
    // Each stream comes up once a window; whether it was used since is looked at then.
    if (known === undefined) this.#ledger.set(dueKey(nowMs + windowMs, place), emptyBytes);
  }

  /**
   * Forgets what is over, the oldest first, in so many steps: a step is an answer, or a stream that
   * was used since. The last stream goes whole, so that there may be {@link streamAnswersMax} more.
   */
  forgetDue(nowMs: number, stepsMax: number): void {
    let steps = 0;
    for (const key of this.#dueKeys(nowMs, stepsMax)) {
      if (steps >= stepsMax) return;
      this.#ledger.delete(key);
      const scope = key.subarray(10);
      const before = this.#facts.meta.remembered;
      if (key[9] === dueKinds.single) this.#dropAnswer(ledgerKey(ledgerKind.answer, scope));
      else this.#forgetUnused(scope, nowMs);
      steps += Math.max(1, before - this.#facts.meta.remembered);
    }
  }

  #dueKeys(nowMs: number, countMax: number): readonly Uint8Array[] {
    const read = (rowsMax: number): readonly Uint8Array[] =>
      this.#ledger.rowsOf(duePrefix, { rowsMax })
        .map(({ key }) => key)
        .filter((key) => countAt(key, 1) <= nowMs);
    // Mostly there is nothing, which one row tells.
    return read(1).length === 0 ? [] : read(countMax);
  }

  #forgetUnused(scope: Uint8Array, nowMs: number): void {
    const stream = this.#stream(scope);
    if (stream === undefined) return;
    const dueMs = stream.usedMs + windowMs;
    if (dueMs <= nowMs) this.#forgetStream(scope);
    else this.#ledger.set(dueKey(dueMs, { kind: "stream", scope }), emptyBytes);
  }

  #forgetStream(scope: Uint8Array): void {
    this.#ledger.delete(streamKey(scope));
    const answers = this.#ledger.rowsOf(streamAnswers(scope), { rowsMax: streamAnswersMax });
    for (const { key } of answers) this.#dropAnswer(key);
  }

  /** Adds what a backup remembers. */
  load(loaded: BackupAnswer, nowMs: number): void {
    const { scope } = loaded;
    if (loaded.kind === "stream") {
      const usedMs = Math.max(0, nowMs - loaded.idleMs);
      const row = new ByteWriter(16).varint(loaded.newest).varint(usedMs);
      this.#ledger.set(streamKey(scope), row.finish());
      this.#ledger.set(dueKey(usedMs + windowMs, { kind: "stream", scope }), emptyBytes);
      return;
    }
    const dueMs = nowMs + loaded.remainingMs;
    const { requestHash, result: answer } = loaded;
    const [seq, key] = loaded.kind === "numbered"
      ? [loaded.seq, numberedKey(scope, loaded.seq)]
      : [0, ledgerKey(ledgerKind.answer, scope)];
    this.#dropAnswer(key);
    this.#setAnswer(key, { seq, requestHash, answer, dueMs });
    if (loaded.kind === "answer") {
      this.#ledger.set(dueKey(dueMs, { kind: "single", scope }), emptyBytes);
    }
  }

  /** Forgets some of all that is remembered, over or not. Returns whether there was something. */
  forgetSome(rowsMax: number): boolean {
    for (const kind of [ledgerKind.answer, ledgerKind.streamAnswer]) {
      const answers = this.#ledger.rowsOf(ledgerKey(kind), { rowsMax });
      for (const { key } of answers) this.#dropAnswer(key);
      if (answers.length > 0) return true;
    }
    for (const kind of [ledgerKind.answersDue, ledgerKind.stream]) {
      const rows = this.#ledger.rowsOf(ledgerKey(kind), { rowsMax });
      for (const { key } of rows) this.#ledger.delete(key);
      if (rows.length > 0) return true;
    }
    return false;
  }

  #forgetAnswer(place: Place): void {
    const kept = this.#kept(place);
    if (kept === undefined) return;
    this.#ledger.delete(dueKey(kept.dueMs, place));
    this.#dropAnswer(place.key);
  }

  #kept({ key }: Place): Kept | undefined {
    const row = this.#ledger.get(key);
    return row && keptOfRow(row);
  }

  #stream(scope: Uint8Array): Stream | undefined {
    const row = this.#ledger.get(streamKey(scope));
    return row && streamOfRow(row);
  }

  #setAnswer(key: Uint8Array, { dueMs, seq, requestHash, answer }: Kept): void {
    const row = new ByteWriter(64 + answer.length).varint(dueMs).varint(seq);
    const value = row.bytes(requestHash).raw(answer).finish();
    this.#ledger.set(key, value);
    this.#count(1, key.length + value.length);
  }

  #dropAnswer(key: Uint8Array): void {
    const row = this.#ledger.get(key);
    if (row === undefined) return;
    this.#ledger.delete(key);
    this.#count(-1, -(key.length + row.length));
  }

  #count(answers: number, bytes: number): void {
    const { remembered, rememberedBytes } = this.#facts.meta;
    this.#facts.set({
      remembered: remembered + answers,
      rememberedBytes: rememberedBytes + bytes,
    });
  }
}

/** Reads the row of a stream. */
export function streamOfRow(row: Uint8Array): Stream {
  const reader = new ByteReader(row);
  return { newest: reader.varint(), usedMs: reader.varint() };
}

/** Reads the row of an answer. */
export function keptOfRow(row: Uint8Array): Kept {
  const reader = new ByteReader(row);
  return {
    dueMs: reader.varint(),
    seq: reader.varint(),
    requestHash: reader.bytes(),
    answer: reader.raw(reader.remaining),
  };
}

/** A number without leading zeros, so that each has one spelling; up to 2^53 − 1. */
const streamPattern = /^(.+);(0|[1-9][0-9]{0,15})$/s;

function placeOf({ identity, key }: Idempotency): Place {
  const match = streamPattern.exec(key);
  const seq = Number(match?.[2]);
  const name = match?.[1];
  if (name === undefined || !Number.isSafeInteger(seq)) {
    const scope = scopeOf(identity, key);
    return { kind: "single", scope, key: ledgerKey(ledgerKind.answer, scope) };
  }
  const scope = scopeOf(identity, name);
  return { kind: "stream", scope, key: numberedKey(scope, seq), seq };
}

function numberedKey(scope: Uint8Array, seq: number): Uint8Array {
  return new ByteWriter(scope.length + 12).u8(ledgerKind.streamAnswer).bytes(scope)
    .u8(seq % streamAnswersMax).finish();
}

function scopeOf(identity: string, name: string): Uint8Array {
  return new ByteWriter(64).text(identity).raw(utf8(name)).finish();
}

function streamKey(scope: Uint8Array): Uint8Array {
  return ledgerKey(ledgerKind.stream, scope);
}

/** What the keys of all answers of a stream begin with. */
export function streamAnswers(scope: Uint8Array): Uint8Array {
  return ledgerKey(ledgerKind.streamAnswer, new ByteWriter().bytes(scope).finish());
}

const duePrefix = ledgerKey(ledgerKind.answersDue);
const dueKinds = { single: 0, stream: 1 } as const;

function dueKey(dueMs: number, { kind, scope }: Pick<Place, "kind" | "scope">): Uint8Array {
  const kindByte = Uint8Array.of(dueKinds[kind]);
  return ledgerKey(ledgerKind.answersDue, orderedCount(dueMs), kindByte, scope);
}
