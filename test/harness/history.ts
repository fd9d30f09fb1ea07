/**
 * What clients asked and what they were told, with times: the evidence on which a run is judged.
 * One history is recorded in one process, so all times come from one clock.
 */

/** A key's record as an answer showed it. */
export interface SeenRecord {
  readonly value: string;
  /** The revision that wrote it. */
  readonly mod: number;
  /** Where the form of the answer shows it. */
  readonly version?: number;
}

export type Operation =
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  /** Writes if the key's mod revision is `expected`; 0 is an absent key. */
  | {
    readonly kind: "cas";
    readonly key: string;
    readonly expected: number;
    readonly value: string;
  }
  | { readonly kind: "delete"; readonly key: string };

/** `revision` is the store's, as the answer reflects it, where the answer says so. */
export type Outcome =
  | { readonly kind: "found"; readonly record: SeenRecord; readonly revision?: number }
  | { readonly kind: "absent"; readonly revision?: number }
  | { readonly kind: "written"; readonly mod: number; readonly version?: number }
  /** `current` is missing when the key is absent. */
  | {
    readonly kind: "conditionFailed";
    readonly current?: SeenRecord;
    readonly revision?: number;
  }
  | { readonly kind: "deleted"; readonly count: 0 | 1; readonly revision?: number }
  /** Proven to have changed nothing, now and later. */
  | { readonly kind: "notApplied"; readonly reason: string }
  /** Perhaps applied, perhaps not, perhaps later. */
  | { readonly kind: "unknown"; readonly reason: string };

export interface Call {
  readonly id: number;
  readonly client: string;
  readonly operation: Operation;
  readonly startedAt: number;
  /** Infinite while there is no answer, and for ever when the outcome is unknown. */
  readonly endedAt: number;
  readonly outcome: Outcome;
}

/** An operation that is under way: tell what became of it, once. */
export type EndCall = (outcome: Outcome) => void;

const unanswered: Outcome = { kind: "unknown", reason: "no answer yet" };

/** Collects calls as they begin and end. */
export class History {
  readonly #now: () => number;
  readonly #calls: Call[] = [];

  /** `now` never runs backwards; its unit is the caller's choice. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Call it before the request leaves, and the returned function after the answer is there. */
  begin(client: string, operation: Operation): EndCall {
    const id = this.#calls.length;
    const startedAt = this.#now();
    this.#calls.push({
      ...{ id, client, operation, startedAt, endedAt: Infinity },
      outcome: unanswered,
    });
    return (outcome) => {
      const open = this.#calls[id]!;
      if (open.outcome !== unanswered) throw new Error(`Call ${id} has ended already`);
      const endedAt = outcome.kind === "unknown" ? Infinity : this.#now();
      this.#calls[id] = { ...open, endedAt, outcome };
    };
  }

  /** All calls so far in the order of their begin; those still open are unknown. */
  calls(): readonly Call[] {
    return [...this.#calls];
  }

  /** How many calls ended in each way, for a line of a report. */
  summary(): string {
    const counts = new Map<string, number>();
    for (const { outcome } of this.#calls) {
      counts.set(outcome.kind, (counts.get(outcome.kind) ?? 0) + 1);
    }
    return [...counts].map(([kind, count]) => `${count} ${kind}`).sort().join(", ");
  }
}

/** One call a line, so that a failed run can be kept and looked at again. */
export function toJsonLines(calls: readonly Call[]): string {
  return calls.map((call) =>
    // JSON has no Infinity; a missing end says the same.
    `${JSON.stringify(call.endedAt === Infinity ? { ...call, endedAt: undefined } : call)}\n`
  ).join("");
}

/** Reads what {@link toJsonLines} wrote. */
export function fromJsonLines(text: string): readonly Call[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const call = JSON.parse(line) as Omit<Call, "endedAt"> & { readonly endedAt?: number };
    return { ...call, endedAt: call.endedAt ?? Infinity };
  });
}
