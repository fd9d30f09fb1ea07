/**
 * Which requests are remembered (kv_model.ts): how long an answer is kept, what belongs to a
 * stream, and when there is no room. Written from the data model: all that is due is looked for
 * whenever something is asked.
 */

import type { Idempotency } from "../../src/kv/command.ts";
import type { Outcome, RejectedCode } from "../../src/kv/result.ts";

const windowMs = 600_000;
const streamLength = 256;
/** Each request with a key forgets about so many answers that are over, the oldest first. */
const forgottenAtOnce = 16;

interface Remembered {
  /** Single requests have none. */
  readonly seq: number | undefined;
  readonly hash: string;
  readonly outcome: Outcome;
}

/** What is remembered under one name. */
interface Scope {
  /** When it is looked at, whether it is over. */
  dueMs: number;
  /** When it was used last. */
  usedMs: number;
  newest: number;
  /** By number: numbers take the place of those that are a multiple of the length away. */
  readonly answers: Map<number, Remembered>;
}

export class ModelRequests {
  readonly #answersMax: number;
  readonly #scopes = new Map<string, Scope>();
  #answers = 0;

  constructor(answersMax = 1_000_000) {
    this.#answersMax = answersMax;
  }

  /** Undefined: it is a new one, and there is room to remember it. */
  recall(asked: Idempotency, nowMs: number): Outcome | RejectedCode | undefined {
    this.#forgetDue(nowMs);
    const { name, seq } = placeOf(asked);
    const scope = this.#scopes.get(name);
    if (scope !== undefined && nowMs < scope.usedMs + windowMs) {
      if (seq !== undefined && seq <= scope.newest - streamLength) return "idempotency_expired";
      const known = scope.answers.get(slotOf(seq));
      if (known !== undefined && known.seq === seq) {
        return known.hash === hashOf(asked) ? known.outcome : "idempotency_mismatch";
      }
    }
    return this.#answers >= this.#answersMax ? "overloaded" : undefined;
  }

  remember(asked: Idempotency, nowMs: number, outcome: Outcome): void {
    const { name, seq } = placeOf(asked);
    const known = this.#scopes.get(name);
    const dueMs = nowMs + windowMs;
    const fresh = { dueMs, usedMs: nowMs, newest: 0, answers: new Map<number, Remembered>() };
    const isOver = known !== undefined && nowMs >= known.usedMs + windowMs;
    // A stream is looked at when it was to be looked at, whether it was used meanwhile or not.
    const scope = known === undefined || seq === undefined
      ? fresh
      : isOver
      ? { ...fresh, dueMs: known.dueMs }
      : known;
    scope.usedMs = nowMs;
    scope.newest = Math.max(scope.newest, seq ?? 0);
    if (known !== undefined && known !== scope) this.#answers -= known.answers.size;
    this.#answers -= scope.answers.size;
    scope.answers.set(slotOf(seq), { seq, hash: hashOf(asked), outcome });
    this.#answers += scope.answers.size;
    this.#scopes.set(name, scope);
  }

  #forgetDue(nowMs: number): void {
    const due: [string, Scope][] = [];
    for (const named of this.#scopes) if (named[1].dueMs <= nowMs) due.push(named);
    due.sort(([, a], [, b]) => a.dueMs - b.dueMs);
    let steps = 0;
    for (const [name, scope] of due) {
      if (steps >= forgottenAtOnce) return;
      const isOver = nowMs >= scope.usedMs + windowMs;
      if (isOver) this.#forget(name, scope);
      else scope.dueMs = scope.usedMs + windowMs;
      steps += isOver ? scope.answers.size : 1;
    }
  }

  #forget(name: string, { answers }: Scope): void {
    this.#scopes.delete(name);
    this.#answers -= answers.size;
  }
}

/** A single request's is the only one of its name. */
function slotOf(seq: number | undefined): number {
  return (seq ?? 0) % streamLength;
}

function hashOf({ requestHash }: Idempotency): string {
  return requestHash.join();
}

function placeOf({ identity, key }: Idempotency): {
  readonly name: string;
  readonly seq: number | undefined;
} {
  const at = key.lastIndexOf(";");
  const seq = Number(key.slice(at + 1));
  if (at > 0 && Number.isSafeInteger(seq) && seq >= 0 && String(seq) === key.slice(at + 1)) {
    return { name: JSON.stringify(["stream", identity, key.slice(0, at)]), seq };
  }
  return { name: JSON.stringify(["single", identity, key]), seq: undefined };
}
