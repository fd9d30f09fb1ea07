/** How much the linearizability checker takes, in steps, and what it says when that is too much. */

import { assert, describe, it } from "../../harness/test.ts";
import type { Call, Outcome } from "../../harness/history.ts";
import { checkEachKey, checkLinearizable } from "../../harness/linearizability.ts";
import { trueHistory } from "../../harness/random_history.ts";
import { Prng } from "../../../src/lib/prng.ts";

const toldAll = { lostPercent: 0, vaguePercent: 0 };
const unknown: Outcome = { kind: "unknown", reason: "lost" };

describe("linearizability checker at size", () => {
  it("decides 10,000 calls on 10 keys by 8 clients in five steps a call", () => {
    const options = { calls: 10_000, keys: 10, clients: 8, values: 1_000, ...toldAll };
    const calls = trueHistory(new Prng(1), options);
    assert.deepEqual(checkLinearizable(calls, { stepsMax: 50_000 }), { kind: "ok" });
  });

  it("decides 100,000 calls on 200 keys by 8 clients in five steps a call", () => {
    const options = { calls: 100_000, keys: 200, clients: 8, values: 1_000, ...toldAll };
    const calls = trueHistory(new Prng(1), options);
    assert.deepEqual(checkLinearizable(calls, { stepsMax: 500_000 }), { kind: "ok" });
  });

  it("finds one stale read among 10,000 calls, and shows how far it came", () => {
    const options = { calls: 10_000, keys: 10, clients: 8, values: 1_000_000, ...toldAll };
    const calls = trueHistory(new Prng(2), options);
    const reads = calls.filter(({ operation, outcome }) =>
      operation.key === "k3" && outcome.kind === "found"
    );
    const [early, late] = [reads[10]!, reads.at(-10)!];
    const stale = calls.map((call) => call === late ? { ...call, outcome: early.outcome } : call);
    const verdict = checkEachKey(stale);
    assert.ok(verdict.kind === "illegal");
    assert.ok(verdict.longest.length > 500);
    assert.deepEqual(verdict.suspects, [late.id]);
    assert.ok(verdict.calls.every(({ operation }) => operation.key === "k3"));
  });
});

describe("linearizability checker with lost writes", () => {
  /** By 8 clients on one key: 200 answered calls, and lost writes of which half took effect. */
  function withLost(prng: Prng, count: number, kinds: readonly string[]): readonly Call[] {
    const options = { keys: 1, clients: 8, values: "one a write", ...toldAll } as const;
    const calls = trueHistory(prng, { calls: 200 + count / 2, ...options });
    const writes = calls.filter(({ operation }) => kinds.includes(operation.kind));
    const lost = new Set<Call>();
    while (lost.size < count / 2) lost.add(writes[prng.below(writes.length)]!);
    const idle = Array.from({ length: count / 2 }, (_, at): Call => {
      const { operation, startedAt } = writes[prng.below(writes.length)]!;
      return {
        ...{ id: calls.length + at, client: `lost${at}`, endedAt: Infinity, outcome: unknown },
        operation: "value" in operation ? { ...operation, value: `idle${at}` } : operation,
        startedAt,
      };
    });
    const forgotten = calls.map((call) =>
      lost.has(call) ? { ...call, outcome: unknown, endedAt: Infinity } : call
    );
    return [...forgotten, ...idle];
  }

  /** The first read of the last tenth shows what the last read of the first half showed. */
  function withStaleRead(calls: readonly Call[]): readonly Call[] {
    const reads = calls.filter(({ outcome }) => outcome.kind === "found");
    const [early, late] = [
      reads[Math.floor(reads.length / 2)]!,
      reads[Math.floor(reads.length * 0.9)]!,
    ];
    return calls.map((call) => call === late ? { ...call, outcome: early.outcome } : call);
  }

  for (
    const [count, kinds, stepsMax] of [
      [10, ["put"], 40_000],
      [20, ["put"], 40_000],
      [50, ["put"], 40_000],
      [10, ["put", "cas", "delete"], 75_000],
      [20, ["put", "cas", "delete"], 250_000],
    ] as const
  ) {
    const lost = `${count} lost calls of ${kinds.join(", ")}`;
    it(`decides 200 calls and ${lost} on one key in ${stepsMax} steps`, () => {
      const prng = new Prng(count);
      for (let round = 0; round < 20; round++) {
        const calls = withLost(prng, count, kinds);
        assert.deepEqual(checkEachKey(calls, { stepsMax }), { kind: "ok" });
        assert.equal(checkEachKey(withStaleRead(calls), { stepsMax }).kind, "illegal");
      }
    });
  }
});

describe("linearizability checker with a read that takes long", () => {
  it("places it before those that were told more, however late its answer is out", () => {
    const written = (id: number): Call => ({
      ...{ id, client: `w${id % 8}`, startedAt: 10 * id, endedAt: 10 * id + 75 },
      operation: { kind: "put", key: "k", value: `v${id}` },
      outcome: { kind: "written", mod: id },
    });
    const writes = Array.from({ length: 200 }, (_, at) => written(at + 2));
    const read: Call = {
      ...{ id: 1_000, client: "r", startedAt: 35, endedAt: 5_000 },
      operation: { kind: "get", key: "k" },
      outcome: { kind: "found", record: { value: "v2", mod: 2 }, revision: 2 },
    };
    const lost = Array.from({ length: 4 }, (_, at): Call => ({
      ...{ id: 2_000 + at, client: `l${at}`, startedAt: 40, endedAt: Infinity, outcome: unknown },
      operation: { kind: "put", key: "k", value: `lost${at}` },
    }));
    const verdict = checkEachKey([...writes, read, ...lost], { stepsMax: 5_000 });
    assert.deepEqual(verdict, { kind: "ok" });
  });
});

describe("linearizability checker's budget", () => {
  const hard = trueHistory(new Prng(3), {
    ...{ calls: 100, keys: 1, clients: 8, values: 2, ...toldAll },
  });

  it("says unknown, and not ok, when its steps run out", () => {
    const verdict = checkLinearizable(hard, { stepsMax: 20 });
    assert.deepEqual(verdict, { kind: "unknown", key: "k0", steps: 21 });
  });

  it("says unknown, and not ok, when its time runs out", () => {
    const many = trueHistory(new Prng(3), {
      ...{ calls: 10_000, keys: 1, clients: 8, values: 2, ...toldAll },
    });
    let looks = 0;
    const verdict = checkEachKey(many, { budgetMs: 2, now: () => looks++ });
    // The first look starts the budget; 3 ms are more than 2, and a look comes every 4,096 steps.
    assert.deepEqual(verdict, { kind: "unknown", key: "k0", steps: 3 * 4_096 });
    assert.deepEqual(checkEachKey(many, { budgetMs: 60_000, now: () => 0 }), { kind: "ok" });
  });

  it("gives what easy keys leave to those that need more", () => {
    let needed = 64;
    while (checkEachKey(hard, { stepsMax: needed }).kind === "unknown") needed *= 2;
    const easy = Array.from({ length: 9 }, (_, at): Call => ({
      ...{ id: 100 + at, client: "c", startedAt: at, endedAt: at + 1 },
      operation: { kind: "get", key: `easy${at}` },
      outcome: { kind: "absent" },
    }));
    assert.equal(checkEachKey([...hard, ...easy], { stepsMax: 2 * needed }).kind, "ok");
  });

  it("does not let one key hide what another shows", () => {
    const wrong: Call = {
      ...{ id: 100, client: "c", startedAt: 0, endedAt: 1 },
      operation: { kind: "get", key: "other" },
      outcome: { kind: "found", record: { value: "never written", mod: 2 } },
    };
    const verdict = checkEachKey([...hard, wrong], { stepsMax: 100 });
    assert.deepEqual(verdict.kind === "illegal" && verdict.calls, [wrong]);
  });
});
