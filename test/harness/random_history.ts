/** Random histories for the checks of the checker: true ones from a real store, and bent ones. */

import type { Call, Operation, Outcome, SeenRecord } from "./history.ts";
import type { Prng } from "../../src/lib/prng.ts";

export interface RandomHistoryOptions {
  readonly calls: number;
  readonly keys: number;
  /** How many calls may overlap at a moment. */
  readonly clients: number;
  /** Different values; few of them make answers ambiguous. */
  readonly values: number;
  /** Of a hundred answers so many are lost. */
  readonly lostPercent: number;
}

type Stored = SeenRecord & { readonly version: number };

/** What a correct store answered to clients whose calls overlap. Always linearizable. */
export function trueHistory(prng: Prng, options: RandomHistoryOptions): readonly Call[] {
  const store = new Map<string, Stored>();
  const calls: Call[] = [];
  const free = Array.from({ length: options.clients }, () => 0);
  let revision = 1;
  let now = 0;
  for (let id = 0; id < options.calls; id++) {
    const client = prng.below(options.clients);
    // The call takes effect at `now`; it began after this client's last one and ends later.
    now = Math.max(now, free[client]!) + 1 + prng.below(3);
    const startedAt = Math.max(free[client]!, now - prng.below(4 * options.clients));
    const key = `k${prng.below(options.keys)}`;
    const operation = drawOperation(prng, key, { store, values: options.values });
    // Other keys, that nobody looks at, move the revision too.
    revision += prng.below(2);
    const isLost = prng.chance(options.lostPercent, 100);
    if (isLost && prng.chance(1, 2)) {
      const outcome = { kind: "unknown", reason: "lost" } as const;
      calls.push({ id, client: `c${client}`, operation, startedAt, endedAt: Infinity, outcome });
      continue;
    }
    const outcome = execute(store, operation, revision + 1);
    if (outcome.kind === "written" || (outcome.kind === "deleted" && outcome.count === 1)) {
      revision++;
    }
    const endedAt = isLost ? Infinity : now + prng.below(4 * options.clients);
    free[client] = isLost ? now : endedAt;
    const told: Outcome = isLost
      ? { kind: "unknown", reason: "lost" }
      : forget(prng, outcome, revision);
    calls.push({ id, client: `c${client}`, operation, startedAt, endedAt, outcome: told });
  }
  return calls;
}

function drawOperation(
  prng: Prng,
  key: string,
  of: { readonly store: ReadonlyMap<string, Stored>; readonly values: number },
): Operation {
  const value = `v${prng.below(of.values)}`;
  switch (prng.below(5)) {
    case 0:
      return { kind: "delete", key };
    case 1:
      return { kind: "put", key, value };
    case 2: {
      const mod = of.store.get(key)?.mod ?? 0;
      return { kind: "cas", key, expected: prng.chance(2, 3) ? mod : mod + prng.below(3), value };
    }
    default:
      return { kind: "get", key };
  }
}

function execute(store: Map<string, Stored>, operation: Operation, next: number): Outcome {
  const { key } = operation;
  const record = store.get(key);
  const revision = next - 1;
  switch (operation.kind) {
    case "get":
      return record === undefined ? { kind: "absent", revision } : {
        kind: "found",
        record,
        revision,
      };
    case "delete":
      store.delete(key);
      return record === undefined
        ? { kind: "deleted", count: 0, revision }
        : { kind: "deleted", count: 1, revision: next };
    case "cas":
      if ((record?.mod ?? 0) !== operation.expected) {
        return { kind: "conditionFailed", revision, ...(record && { current: record }) };
      }
      break;
    case "put":
      break;
  }
  const written = { value: operation.value, mod: next, version: (record?.version ?? 0) + 1 };
  store.set(key, written);
  return { kind: "written", mod: next, version: written.version };
}

/** Some forms of an answer show neither the version nor the store's revision. */
function forget(prng: Prng, outcome: Outcome, revision: number): Outcome {
  if (outcome.kind === "found" && prng.chance(1, 2)) {
    const { value, mod } = outcome.record;
    return prng.chance(1, 2)
      ? { kind: "found", record: { value, mod }, revision }
      : { kind: "found", record: { value, mod } };
  }
  if (outcome.kind === "absent" && prng.chance(1, 2)) return { kind: "absent" };
  return outcome;
}

/** The same history with one answer changed, two swapped, or one write made as if never asked. */
export function bend(prng: Prng, calls: readonly Call[]): readonly Call[] {
  const answered = calls.filter(({ outcome }) => outcome.kind !== "unknown");
  if (answered.length === 0) return calls;
  const victim = answered[prng.below(answered.length)]!;
  const replace = (id: number, outcome: Outcome): readonly Call[] =>
    calls.map((call) => call.id === id ? { ...call, outcome } : call);
  switch (prng.below(4)) {
    case 0: {
      const { kind } = victim.operation;
      const same = answered.filter(({ operation }) => operation.kind === kind);
      const other = same[prng.below(same.length)]!;
      return replace(victim.id, other.outcome).map((call) =>
        call.id === other.id ? { ...call, outcome: victim.outcome } : call
      );
    }
    case 1:
      return calls.filter(({ id }) => id !== victim.id);
    default:
      return replace(victim.id, bendOutcome(prng, victim.outcome));
  }
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
