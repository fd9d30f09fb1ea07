/** Keepalives of one turn in one entry, each answered as if it were alone. */

import type { KeepLeases } from "../../../src/kv/command.ts";
import { leasesPerCommandMax } from "../../../src/kv/refusals.ts";
import type { Result } from "../../../src/kv/result.ts";
import type { ProposeOutcome } from "../../../src/node/pending.ts";
import { Keepalives } from "../../../src/service/keepalives.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Proposed {
  readonly ids: readonly string[];
  readonly deadlineMs: number;
  readonly settle: (outcome: ProposeOutcome<Result>) => void;
}

/** A node that keeps what it is asked for, and a turn that ends when the test says so. */
class Turn {
  readonly proposed: Proposed[] = [];
  readonly #due: (() => void)[] = [];
  readonly keepalives = new Keepalives(
    ({ ids }, deadlineMs, settle) => this.proposed.push({ ids, deadlineMs, settle }),
    (run) => this.#due.push(run),
  );

  /** What each is told: its leases that were kept, or why it is not known. */
  keep(deadlineMs: number, ...ids: readonly string[]): string[] {
    const told: string[] = [];
    const operation: KeepLeases = { kind: "keepLeases", ids };
    this.keepalives.keep(operation, deadlineMs, (outcome) => told.push(shown(outcome)));
    return told;
  }

  end(): void {
    for (const run of this.#due.splice(0)) run();
  }
}

function shown(outcome: ProposeOutcome<Result>): string {
  if (outcome.kind !== "applied") return `${outcome.kind} ${outcome.reason}`;
  const { result } = outcome;
  return result.kind === "kept" ? result.leases.map((each) => each?.id ?? "gone").join() : "?";
}

/** All of them are kept, but for those that are gone. */
function kept({ ids }: Proposed, ...gone: readonly string[]): ProposeOutcome<Result> {
  const leases = ids.map((id) => gone.includes(id) ? undefined : { id, ttlMs: 1_000 });
  const position = { index: 1, term: 1 };
  return { kind: "applied", position, result: { kind: "kept", revision: 1, leases } };
}

describe("keepalives", () => {
  it("of one turn go into one proposal, and each is told of its own leases", () => {
    const turn = new Turn();
    const [a, b, c] = [turn.keep(5_000, "1"), turn.keep(5_020, "2", "3"), turn.keep(4_990, "1")];
    assert.equal(turn.proposed.length, 0);
    turn.end();
    const [first, ...more] = turn.proposed;
    assert.ok(first);
    assert.deepEqual([first.ids, more.length], [["1", "1"], 1]);
    assert.deepEqual([first.deadlineMs, more[0]?.ids, more[0]?.deadlineMs], [
      5_000,
      ["2", "3"],
      5_050,
    ]);
    first.settle(kept(first));
    more[0]!.settle(kept(more[0]!, "2"));
    assert.deepEqual([a, b, c], [["1"], ["gone,3"], ["1"]]);
    turn.keep(9_000, "4");
    turn.end();
    assert.deepEqual(turn.proposed.at(-1)?.ids, ["4"], "another turn, another proposal");
  });

  it("are all told what became of the proposal where it failed", () => {
    const turn = new Turn();
    const told = [turn.keep(1_000, "1"), turn.keep(1_000, "2")];
    turn.end();
    turn.proposed[0]!.settle({ kind: "unknown", reason: "leadershipLost" });
    assert.deepEqual(told, Array(2).fill(["unknown leadershipLost"]));
  });

  it("that are more than one command may name go into several", () => {
    const turn = new Turn();
    const count = 2 * leasesPerCommandMax + 1;
    const told = Array.from({ length: count }, (_, at) => turn.keep(1_000, String(at)));
    turn.end();
    const lengths = turn.proposed.map(({ ids }) => ids.length);
    assert.deepEqual(lengths, [leasesPerCommandMax, leasesPerCommandMax, 1]);
    for (const each of turn.proposed) each.settle(kept(each));
    assert.deepEqual(told, Array.from({ length: count }, (_, at) => [String(at)]));
  });
});
