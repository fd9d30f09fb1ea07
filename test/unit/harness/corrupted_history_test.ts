/**
 * Large histories are beyond brute force. So true ones are corrupted in ways that are wrong for
 * sure, each by the argument that stands beside it, and the checker must reject every one. Values
 * are one a write here: a record tells which write it comes from.
 */

import { ownHalf } from "../../harness/runtime.ts";
import { assert, describe, it } from "../../harness/test.ts";
import type { Call, Outcome } from "../../harness/history.ts";
import { checkEachKey, checkLinearizable } from "../../harness/linearizability.ts";
import { trueHistory } from "../../harness/random_history.ts";
import { Prng } from "../../../src/lib/prng.ts";

/** A wrong history made of a true one; undefined where it offers no place for this fault. */
type Corrupt = (calls: readonly Call[], prng: Prng) => readonly Call[] | undefined;

type Written = Outcome & { readonly kind: "written" };

const keyOf = ({ operation }: Call): string => operation.key;

function valueOf({ operation }: Call): string | undefined {
  return operation.kind === "put" || operation.kind === "cas" ? operation.value : undefined;
}

function writtenOf({ outcome }: Call): Written | undefined {
  return outcome.kind === "written" ? outcome : undefined;
}

/** Answered calls that left another record, or none, than there was before. */
function changes({ outcome }: Call): boolean {
  return outcome.kind === "written" || (outcome.kind === "deleted" && outcome.count === 1);
}

function answer(calls: readonly Call[], { id }: Call, outcome: Outcome): readonly Call[] {
  return calls.map((call) => call.id === id ? { ...call, outcome } : call);
}

/** Any one of the answered writes that are followed by a change before `end` begins. */
function overwrittenBefore(calls: readonly Call[], end: Call, prng: Prng): Call | undefined {
  const ofKey = calls.filter((call) => keyOf(call) === keyOf(end));
  const gone = ofKey.filter((write) =>
    writtenOf(write) !== undefined &&
    ofKey.some((later) =>
      changes(later) && later.startedAt > write.endedAt && later.endedAt < end.startedAt
    )
  );
  return gone.length === 0 ? undefined : gone[prng.below(gone.length)];
}

/** One of the calls for which `wrong` finds a corruption, chosen at random. */
function corruptOne(
  calls: readonly Call[],
  prng: Prng,
  wrong: (call: Call) => readonly Call[] | undefined,
): readonly Call[] | undefined {
  const from = prng.below(calls.length);
  for (const call of [...calls.slice(from), ...calls.slice(0, from)]) {
    const corrupted = wrong(call);
    if (corrupted !== undefined) return corrupted;
  }
  return undefined;
}

const corruptions: Readonly<Record<string, Corrupt>> = {
  // Its value was replaced, for good, before the read began.
  "a read that shows an overwritten record": (calls, prng) =>
    corruptOne(calls, prng, (read) => {
      const write = read.outcome.kind === "found" && overwrittenBefore(calls, read, prng);
      if (!write) return undefined;
      const record = { value: valueOf(write)!, mod: writtenOf(write)!.mod };
      return answer(calls, read, { kind: "found", record });
    }),

  "a read that shows a value nobody wrote": (calls, prng) =>
    corruptOne(calls, prng, (read) => {
      if (read.outcome.kind !== "found") return undefined;
      const record = { ...read.outcome.record, value: "nobody's" };
      return answer(calls, read, { ...read.outcome, record });
    }),

  // The write ended before the read began, and no deletion, lost or not, can stand between.
  "a read that finds nothing where nothing was deleted": (calls, prng) =>
    corruptOne(calls, prng, (read) => {
      if (read.outcome.kind !== "found") return undefined;
      const ofKey = calls.filter((call) => keyOf(call) === keyOf(read));
      const isThere = ofKey.some((write) =>
        writtenOf(write) !== undefined && write.endedAt < read.startedAt &&
        !ofKey.some((other) =>
          other.operation.kind === "delete" && other.endedAt >= write.startedAt &&
          other.startedAt <= read.endedAt
        )
      );
      return isThere ? answer(calls, read, { kind: "absent" }) : undefined;
    }),

  // Now the first read shows what was written only after it had ended.
  "two reads with their answers swapped": (calls, prng) =>
    corruptOne(calls, prng, (late) => {
      const shown = late.outcome.kind === "found" ? late.outcome.record.value : undefined;
      const write = calls.find((call) => shown !== undefined && valueOf(call) === shown);
      const early = write && calls.find((call) =>
        call.outcome.kind === "found" && keyOf(call) === keyOf(late) &&
        call.endedAt < write.startedAt
      );
      return early && answer(answer(calls, early, late.outcome), late, early.outcome);
    }),

  // The one ended before the other began, and has the higher revision.
  "two writes with their answers swapped": (calls, prng) =>
    corruptOne(calls, prng, (first) => {
      const second = calls.find((call) =>
        keyOf(call) === keyOf(first) && call.startedAt > first.endedAt && writtenOf(call)
      );
      if (second === undefined || writtenOf(first) === undefined) return undefined;
      return answer(answer(calls, first, second.outcome), second, first.outcome);
    }),

  // Its value is read, and nobody else writes it.
  "a write dropped whose value was read": (calls, prng) =>
    corruptOne(calls, prng, (write) => {
      const value = valueOf(write);
      const isRead = calls.some(({ outcome }) =>
        outcome.kind === "found" && outcome.record.value === value
      );
      return isRead ? calls.filter((call) => call !== write) : undefined;
    }),

  // A key never comes back to a revision.
  "a compare-and-set that took effect on an overwritten record": (calls, prng) =>
    corruptOne(calls, prng, (failed) => {
      if (failed.operation.kind !== "cas" || failed.outcome.kind !== "conditionFailed") {
        return undefined;
      }
      const write = overwrittenBefore(calls, failed, prng);
      if (write === undefined) return undefined;
      const operation = { ...failed.operation, expected: writtenOf(write)!.mod };
      const mod = (failed.outcome.revision ?? 0) + 1;
      return answer(calls, failed, { kind: "written", mod })
        .map((call) => call.id === failed.id ? { ...call, operation } : call);
    }),

  // What it says was there is what it asked for.
  "a condition that failed although it held": (calls, prng) =>
    corruptOne(calls, prng, (cas) => {
      const current = cas.outcome.kind === "conditionFailed" ? cas.outcome.current : undefined;
      if (current === undefined || cas.operation.kind !== "cas") return undefined;
      const operation = { ...cas.operation, expected: current.mod };
      return calls.map((call) => call === cas ? { ...call, operation } : call);
    }),

  // There is at least one version more than before the first write, and none was deleted between.
  "a version that stands still": (calls, prng) =>
    corruptOne(calls, prng, (second) => {
      const told = writtenOf(second);
      const ofKey = calls.filter((call) => keyOf(call) === keyOf(second));
      const first = ofKey.find((call) =>
        writtenOf(call)?.version !== undefined && call.endedAt < second.startedAt &&
        !ofKey.some((other) =>
          other.operation.kind === "delete" && other.endedAt >= call.startedAt &&
          other.startedAt <= second.endedAt
        )
      );
      if (told === undefined || first === undefined) return undefined;
      return answer(calls, second, { ...told, version: writtenOf(first)!.version! });
    }),
};

describe("corrupted histories of 50 to 300 calls", () => {
  for (const [name, corrupt] of Object.entries(corruptions)) {
    it(`rejects ${name}, each time`, () => {
      const prng = new Prng(2 * name.length + ownHalf);
      let corrupted = 0;
      for (let round = 0; round < 150; round++) {
        const calls = trueHistory(prng, {
          ...{ calls: 50 + prng.below(251), keys: 1 + prng.below(4), clients: 2 + prng.below(6) },
          ...{ values: "one a write", lostPercent: [0, 3, 10][prng.below(3)]!, vaguePercent: 20 },
        });
        assert.deepEqual(checkLinearizable(calls), { kind: "ok" });
        const wrong = corrupt(calls, prng);
        if (wrong === undefined) continue;
        corrupted++;
        const shown = (): string => `round ${round}: ${JSON.stringify(wrong)}`;
        if (checkEachKey(wrong).kind !== "illegal") assert.fail(shown());
        if (checkLinearizable(wrong).kind !== "illegal") assert.fail(shown());
      }
      assert.ok(corrupted > 50, `only ${corrupted} of 150 histories had a place for it`);
    });
  }
});
