import process from "node:process";
import { assert, describe, it } from "../../harness/test.ts";
import { isLinearizable } from "../../harness/brute_force.ts";
import type { Call, Operation, Outcome } from "../../harness/history.ts";
import { checkEachKey, checkLinearizable } from "../../harness/linearizability.ts";
import { bend, trueHistory } from "../../harness/random_history.ts";
import { ownHalf } from "../../harness/runtime.ts";
import { Prng } from "../../../src/lib/prng.ts";

const oracleHistories = Number(process.env["SKEIN_ORACLE_HISTORIES"] ?? 50_000);

describe("linearizability checker against brute force", () => {
  it(`agrees on ${oracleHistories} random histories of up to 7 calls`, { timeout: 240_000 }, () => {
    const prng = new Prng(42 + ownHalf);
    const seen: Record<string, { ok: number; illegal: number }> = {};
    for (let round = 0; round < oracleHistories; round++) {
      const lostPercent = [0, 20, 50][prng.below(3)]!;
      const values = prng.chance(1, 3) ? "one a write" : 1 + prng.below(3);
      const clients = 1 + prng.below(4);
      const size = Math.max(1 + prng.below(7), 1 + prng.below(7));
      const rates = { lostPercent, vaguePercent: 40 };
      let calls = trueHistory(prng, { calls: size, keys: 1, clients, values, ...rates });
      for (let bends = prng.below(5); bends > 0; bends--) calls = bend(prng, calls);
      const expected = isLinearizable(calls) ? "ok" : "illegal";
      const shown = (): string => `history ${round}: ${JSON.stringify(calls, undefined, 1)}`;
      const [whole, search] = [checkLinearizable(calls).kind, checkEachKey(calls).kind];
      if (whole !== expected) assert.fail(`${whole}, brute force says ${expected}: ${shown()}`);
      if (search !== expected) assert.fail(`${search}, brute force says ${expected}: ${shown()}`);
      const kind = `${lostPercent} percent lost, ${values === "one a write" ? "one" : "few"}`;
      (seen[kind] ??= { ok: 0, illegal: 0 })[expected]++;
    }
    // Both verdicts must be common in histories of every kind, or agreement would prove little.
    assert.equal(Object.keys(seen).length, 6);
    for (const { ok, illegal } of Object.values(seen)) {
      assert.ok(Math.min(ok, illegal) > (ok + illegal) / 6, JSON.stringify(seen));
    }
  });

  it("accepts every true history of many calls, keys and lost answers", () => {
    const prng = new Prng(7);
    for (let round = 0; round < 200; round++) {
      const values = round % 2 === 0 ? 4 : "one a write";
      const rates = { lostPercent: 10, vaguePercent: 20 };
      const calls = trueHistory(prng, { calls: 200, keys: 3, clients: 6, values, ...rates });
      assert.deepEqual(checkLinearizable(calls), { kind: "ok" });
    }
  });
});

/** Calls one after the other, or with `at` when they shall overlap. */
function history(
  ...steps: readonly (readonly [Operation, Outcome, (readonly [number, number])?])[]
): readonly Call[] {
  return steps.map(([operation, outcome, at], id) => ({
    ...{ id, client: `c${id}`, operation, outcome },
    startedAt: at?.[0] ?? id * 10,
    endedAt: outcome.kind === "unknown" ? Infinity : at?.[1] ?? id * 10 + 5,
  }));
}

const key = "k";
const get: Operation = { kind: "get", key };
const remove: Operation = { kind: "delete", key };
const put = (value: string): Operation => ({ kind: "put", key, value });
const cas = (expected: number, value: string): Operation => ({ kind: "cas", key, expected, value });
const found = (value: string, mod: number): Outcome => ({ kind: "found", record: { value, mod } });
const written = (mod: number): Outcome => ({ kind: "written", mod });
const absent: Outcome = { kind: "absent" };
const unknown: Outcome = { kind: "unknown", reason: "lost" };

describe("histories known to be wrong", () => {
  const wrong: Readonly<Record<string, readonly Call[]>> = {
    "a stale read": history(
      [put("a"), written(2)],
      [put("b"), written(3)],
      [get, found("a", 2)],
    ),
    "a read that goes back after another client's": history(
      [put("a"), written(2)],
      [put("b"), written(3), [10, 100]],
      [get, found("b", 3), [20, 30]],
      [get, found("a", 2), [40, 50]],
    ),
    "a lost update": history(
      [put("a"), written(2)],
      [cas(2, "b"), written(3), [10, 50]],
      [cas(2, "c"), written(4), [10, 50]],
      [get, found("c", 4), [60, 70]],
    ),
    "two creators of one key": history(
      [cas(0, "a"), written(2), [0, 50]],
      [cas(0, "b"), written(3), [0, 50]],
    ),
    "a resurrected value": history(
      [put("a"), written(2)],
      [remove, { kind: "deleted", count: 1, revision: 3 }],
      [get, found("a", 2)],
    ),
    "a dropped write": history([put("a"), written(2)], [get, absent]),
    "swapped results of two reads": history(
      [put("a"), written(2)],
      [get, found("b", 3)],
      [put("b"), written(3)],
      [get, found("a", 2)],
    ),
    "a value that nobody wrote": history([put("a"), written(2)], [get, found("x", 2)]),
    "a condition that failed although it held": history(
      [put("a"), written(2)],
      [cas(2, "b"), { kind: "conditionFailed", current: { value: "a", mod: 2 } }],
    ),
    "a lost write that is seen, then not, then seen": history(
      [put("a"), written(2)],
      [put("b"), unknown],
      [get, found("b", 3)],
      [get, found("a", 2)],
    ),
    "a refused write that took effect": history(
      [put("a"), { kind: "notApplied", reason: "no leader" }],
      [get, found("a", 2)],
    ),
    "revisions that run against time": history([put("a"), written(5)], [put("b"), written(4)]),
    "a version that skips a write": history(
      [put("a"), { kind: "written", mod: 2, version: 1 }],
      [put("b"), { kind: "written", mod: 3, version: 3 }],
    ),
    "a deletion of nothing where there is something": history(
      [put("a"), written(2)],
      [remove, { kind: "deleted", count: 0, revision: 2 }],
    ),
    "a lost write that is seen before it began": history(
      [get, found("a", 2)],
      [put("a"), unknown],
    ),
    "a lost write that is seen at two revisions": history(
      [put("a"), unknown],
      [get, found("a", 2)],
      [get, found("a", 3)],
    ),
    "a lost write that is seen before the write it stands behind": history(
      [put("a"), unknown],
      [get, found("a", 3)],
      [put("b"), written(2)],
    ),
    "a version that skips two writes where one was lost": history(
      [put("a"), { kind: "written", mod: 2, version: 1 }],
      [put("b"), unknown],
      [put("c"), { kind: "written", mod: 6, version: 4 }],
    ),
    "a version that begins anew where no deletion was lost": history(
      [put("a"), { kind: "written", mod: 2, version: 1 }],
      [put("b"), unknown],
      [put("c"), { kind: "written", mod: 6, version: 1 }],
    ),
    "a lost compare-and-set that never met its condition": history(
      [put("a"), written(2)],
      [put("b"), written(3)],
      [cas(2, "c"), unknown],
      [get, found("c", 4)],
    ),
  };
  for (const [name, calls] of Object.entries(wrong)) {
    it(`rejects ${name}`, () => {
      assert.equal(checkLinearizable(calls).kind, "illegal");
      assert.equal(checkEachKey(calls).kind, "illegal");
      assert.equal(isLinearizable(calls), false);
    });
  }

  it("rejects what only the order of revisions across keys shows", () => {
    const other: Operation = { kind: "put", key: "other", value: "b" };
    const twice = history([put("a"), written(3), [0, 9]], [other, written(3), [0, 9]]);
    assert.equal(checkEachKey(twice).kind, "ok");
    assert.match(JSON.stringify(checkLinearizable(twice)), /both given revision 3/);
    const back = history([put("a"), written(3)], [other, written(2)]);
    assert.equal(checkEachKey(back).kind, "ok");
    assert.match(JSON.stringify(checkLinearizable(back)), /is at revision 2, although call 0/);
    const taken = history([get, { kind: "absent", revision: 3 }], [other, written(3)]);
    assert.equal(checkEachKey(taken).kind, "ok");
    assert.equal(checkLinearizable(taken).kind, "illegal");
    const behind = history([put("a"), written(3)], [
      { kind: "get", key: "other" },
      { kind: "absent", revision: 2 },
    ]);
    assert.equal(checkEachKey(behind).kind, "ok");
    assert.equal(checkLinearizable(behind).kind, "illegal");
    // Nobody was told the writes, and the answers overlap: only what they tell does not fit.
    const same: Operation = { kind: "put", key: "other", value: "a" };
    const lost = [[put("a"), unknown, [0, 0]], [same, unknown, [0, 0]]] as const;
    const shared = history(
      ...lost,
      [get, found("a", 3), [1, 9]],
      [{ kind: "get", key: "other" }, found("a", 3), [1, 9]],
    );
    assert.equal(checkEachKey(shared).kind, "ok");
    assert.match(JSON.stringify(checkLinearizable(shared)), /different writes at revision 3/);
    const gone = history(
      ...lost,
      [get, found("a", 3), [1, 9]],
      [{ kind: "delete", key: "other" }, { kind: "deleted", count: 1, revision: 3 }, [1, 9]],
    );
    assert.equal(checkEachKey(gone).kind, "ok");
    assert.match(JSON.stringify(checkLinearizable(gone)), /different writes at revision 3/);
  });

  it("names the calls to look at first", () => {
    const stale = checkEachKey(wrong["a stale read"]!);
    assert.ok(stale.kind === "illegal");
    assert.deepEqual([stale.suspects, stale.longest], [[2], [0, 1]]);
    const against = checkLinearizable(wrong["revisions that run against time"]!);
    assert.deepEqual(against.kind === "illegal" && against.suspects, [0, 1]);
  });
});

describe("histories known to be right", () => {
  const right: Readonly<Record<string, readonly Call[]>> = {
    "a read that overlaps a write and sees it, and one that does not": history(
      [put("a"), written(2)],
      [put("b"), written(3), [10, 50]],
      [get, found("a", 2), [20, 30]],
      [get, found("b", 3), [31, 40]],
    ),
    "a lost write that takes effect long after": history(
      [put("a"), written(2)],
      [put("b"), unknown],
      [get, found("a", 2)],
      [get, found("a", 2)],
      [get, found("b", 3)],
    ),
    "a lost write that never takes effect": history(
      [put("a"), written(2)],
      [put("b"), unknown],
      [cas(2, "c"), written(3)],
    ),
    "a compare-and-set on the revision of a lost write": history(
      [put("a"), unknown],
      [cas(7, "b"), written(9)],
      [get, found("b", 9)],
    ),
    "two lost writes in the order that nobody expects": history(
      [put("a"), unknown],
      [put("b"), unknown],
      [get, { kind: "found", record: { value: "a", mod: 3, version: 2 } }],
    ),
    "a lost write that explains a version": history(
      [put("a"), { kind: "written", mod: 2, version: 1 }],
      [put("b"), unknown],
      [put("c"), { kind: "written", mod: 6, version: 3 }],
    ),
    "a lost deletion that explains a version": history(
      [put("a"), { kind: "written", mod: 2, version: 1 }],
      [remove, unknown],
      [put("b"), unknown],
      [put("c"), { kind: "written", mod: 6, version: 2 }],
    ),
    "a lost write that a deletion found": history(
      [put("a"), unknown],
      [remove, { kind: "deleted", count: 1, revision: 4 }],
    ),
    "two lost writes of one value, of which the later is seen": history(
      [put("a"), unknown],
      [get, absent],
      [put("a"), unknown],
      [get, found("a", 3)],
      [remove, { kind: "deleted", count: 1, revision: 4 }],
      [get, found("a", 5)],
    ),
    "a lost read and a refused write": history(
      [get, unknown],
      [put("a"), { kind: "notApplied", reason: "no leader" }],
      [get, absent],
    ),
    "calls that touch at one moment, in either order": history(
      [put("a"), written(2), [0, 10]],
      [put("b"), written(3), [20, 30]],
      [get, found("a", 2), [30, 40]],
      [get, found("b", 3), [41, 50]],
    ),
  };
  for (const [name, calls] of Object.entries(right)) {
    it(`accepts ${name}`, () => {
      assert.deepEqual(checkLinearizable(calls), { kind: "ok" });
      assert.equal(isLinearizable(calls), true);
    });
  }
});
