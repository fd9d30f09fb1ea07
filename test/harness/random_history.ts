/** Random histories for the checks of the checker: true ones from a real store, and bent ones. */

import type { Call, Operation, Outcome, SeenRecord } from "./history.ts";
import type { Prng } from "../../src/lib/prng.ts";

export interface RandomHistoryOptions {
  readonly calls: number;
  readonly keys: number;
  /** How many calls may overlap at a moment. */
  readonly clients: number;
  /** How many different values there are; few of them make answers ambiguous. */
  readonly values: number | "one a write";
  /** Of a hundred answers so many are lost. */
  readonly lostPercent: number;
  /** Of a hundred answers so many do not tell all, as some forms of an answer do not. */
  readonly vaguePercent: number;
}

type Stored = SeenRecord & { readonly version: number };

/** What a correct store answered to clients whose calls overlap. Always linearizable. */
export function trueHistory(prng: Prng, options: RandomHistoryOptions): readonly Call[] {
  const store = new CorrectStore();
  const calls: Call[] = [];
  /** Writes without an answer that will take effect in time. */
  const late: Operation[] = [];
  const free = Array.from({ length: options.clients }, () => 0);
  let now = 0;
  for (let id = 0; id < options.calls; id++) {
    const client = prng.below(options.clients);
    // The call takes effect at `now`; it began after this client's last one and ends later.
    now = Math.max(now, free[client]!) + 1 + prng.below(3);
    const startedAt = Math.max(free[client]!, now - prng.below(4 * options.clients));
    const key = `k${prng.below(options.keys)}`;
    const value = `v${options.values === "one a write" ? id : prng.below(options.values)}`;
    const operation = drawOperation(prng, { key, value, mod: store.mod(key) });
    // Other keys, that nobody looks at, move the revision too.
    store.revision += prng.below(2);
    if (late.length > 0 && prng.chance(1, 3)) store.execute(late.shift()!);
    const call = { id, client: `c${client}`, operation, startedAt };
    if (!prng.chance(options.lostPercent, 100)) {
      const whole = store.execute(operation);
      const outcome = prng.chance(options.vaguePercent, 100) ? makeVague(prng, whole) : whole;
      const endedAt = now + prng.below(4 * options.clients);
      free[client] = endedAt;
      calls.push({ ...call, endedAt, outcome });
      continue;
    }
    // A third of the lost take effect at once, a third later, and a third never.
    const fate = prng.below(3);
    if (fate === 0) store.execute(operation);
    if (fate === 1) late.push(operation);
    free[client] = now;
    calls.push({ ...call, endedAt: Infinity, outcome: { kind: "unknown", reason: "lost" } });
  }
  return calls;
}

function drawOperation(
  prng: Prng,
  { key, value, mod }: { readonly key: string; readonly value: string; readonly mod: number },
): Operation {
  switch (prng.below(5)) {
    case 0:
      return { kind: "delete", key };
    case 1:
      return { kind: "put", key, value };
    case 2: {
      const near = Math.max(0, mod + prng.below(5) - 2);
      return { kind: "cas", key, expected: prng.chance(1, 2) ? mod : near, value };
    }
    default:
      return { kind: "get", key };
  }
}

class CorrectStore {
  revision = 1;
  readonly #records = new Map<string, Stored>();

  mod(key: string): number {
    return this.#records.get(key)?.mod ?? 0;
  }

  execute(operation: Operation): Outcome {
    const { key } = operation;
    const record = this.#records.get(key);
    switch (operation.kind) {
      case "get":
        return record === undefined
          ? { kind: "absent", revision: this.revision }
          : { kind: "found", record, revision: this.revision };
      case "delete":
        if (record === undefined) return { kind: "deleted", count: 0, revision: this.revision };
        this.#records.delete(key);
        return { kind: "deleted", count: 1, revision: ++this.revision };
      case "cas":
        if ((record?.mod ?? 0) !== operation.expected) {
          const current = record && { current: record };
          return { kind: "conditionFailed", revision: this.revision, ...current };
        }
        break;
      case "put":
        break;
    }
    const mod = ++this.revision;
    const version = (record?.version ?? 0) + 1;
    this.#records.set(key, { value: operation.value, mod, version });
    return { kind: "written", mod, version };
  }
}

/** Some forms of an answer show no version, or not the store's revision. */
function makeVague(prng: Prng, outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "found": {
      const { record: { value, mod }, revision } = outcome;
      const store = revision !== undefined && prng.chance(1, 2) ? { revision } : {};
      return { kind: "found", record: { value, mod }, ...store };
    }
    case "conditionFailed": {
      const { current } = outcome;
      const seen = current && { current: { value: current.value, mod: current.mod } };
      return { kind: "conditionFailed", ...seen };
    }
    case "absent":
      return { kind: "absent" };
    case "written":
      return { kind: "written", mod: outcome.mod };
    case "deleted":
      return { kind: "deleted", count: outcome.count };
    case "notApplied":
    case "unknown":
      return outcome;
  }
}

/**
 * The same history with one answer or value changed, two answers swapped, the times of a call
 * shifted, or one call made as if never asked. It may be right or wrong.
 */
export function bend(prng: Prng, calls: readonly Call[]): readonly Call[] {
  if (calls.length === 0) return calls;
  const victim = calls[prng.below(calls.length)]!;
  const replace = (id: number, change: Partial<Call>): readonly Call[] =>
    calls.map((call) => call.id === id ? { ...call, ...change } : call);
  switch (prng.below(6)) {
    case 0: {
      const same = calls.filter(({ operation, outcome }) =>
        operation.kind === victim.operation.kind && outcome.kind !== "unknown"
      );
      if (same.length === 0 || victim.outcome.kind === "unknown") return calls;
      const { id, outcome } = same[prng.below(same.length)]!;
      return replace(victim.id, { outcome }).map((call) =>
        call.id === id ? { ...call, outcome: victim.outcome } : call
      );
    }
    case 1:
      return calls.filter(({ id }) => id !== victim.id);
    case 2: {
      const startedAt = victim.startedAt + prng.below(41) - 20;
      return replace(victim.id, { startedAt, endedAt: Math.max(startedAt, victim.endedAt) });
    }
    case 3:
      return replace(victim.id, { operation: bendOperation(prng, victim.operation) });
    default:
      return replace(victim.id, { outcome: bendOutcome(prng, victim.outcome) });
  }
}

function bendOperation(prng: Prng, operation: Operation): Operation {
  const value = `v${prng.below(7)}`;
  return "value" in operation ? { ...operation, value } : operation;
}

function bendOutcome(prng: Prng, outcome: Outcome): Outcome {
  const near = (revision: number): number => Math.max(1, revision + prng.below(5) - 2);
  switch (outcome.kind) {
    case "found":
      return prng.chance(1, 3)
        ? { kind: "absent" }
        : { ...outcome, record: { ...outcome.record, value: `v${prng.below(3)}` } };
    case "absent":
      return { kind: "found", record: { value: `v${prng.below(3)}`, mod: 1 + prng.below(8) } };
    case "written":
      return { ...outcome, mod: near(outcome.mod) };
    case "deleted":
      return { ...outcome, count: outcome.count === 0 ? 1 : 0 };
    case "conditionFailed":
      return { kind: "written", mod: near(outcome.revision ?? 1) };
    case "notApplied":
    case "unknown":
      return outcome;
  }
}
