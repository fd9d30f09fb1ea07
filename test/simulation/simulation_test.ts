/**
 * The simulator in the gate: a run is a function of its seed, on both runtimes; a fixed set of
 * seeds is clean; the store may as well stand on SQLite. Long runs: scripts/simulate.ts.
 */

import { fileURLToPath } from "node:url";
import { runToEnd } from "../harness/child.ts";
import { memorySqliteTables } from "../harness/memory_sqlite.ts";
import { ownHalf, runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";
import { minimize } from "./minimize.ts";
import { noOverrides, type Overrides, overridesAsOptions, planOf } from "./overrides.ts";
import { floors } from "./rare_states.ts";
import { simulate } from "./simulation.ts";
import { Tally } from "./tally.ts";

const seeds = 20;
const firstSeed = ownHalf * seeds + 1;
const lastSeed = firstSeed + seeds - 1;
const seedsOnSqlite = 6;
const firstOnSqlite = ownHalf * seedsOnSqlite + 1;
const small = { ...noOverrides, operations: 150 };

function hashOf(seed: number): string {
  return simulate(planOf(seed, small)).traceHash;
}

/** The hash that scripts/simulate.ts prints on the runtime that these tests do not run on. */
async function hashElsewhere(seed: number): Promise<string> {
  const other = runtimeName === "bun" ? "deno" : "bun";
  const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const { stdout, stderr, code } = await runToEnd([
    path(`node_modules/.bin/${other}`),
    ...(other === "deno" ? ["run", "-A", "--no-check", "--quiet"] : []),
    ...[path("scripts/simulate.ts"), "--seed", `${seed}`, "--operations", "150", "--hash"],
  ]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

describe("a simulated run", () => {
  it("is the same for the same seed, and another for another", () => {
    const first = [1, 2, 3].map(hashOf);
    assert.deepEqual([1, 2, 3].map(hashOf), first);
    assert.equal(new Set(first).size, 3);
  });

  it("is the same on Bun and on Deno", { timeout: 240_000 }, async () => {
    for (const seed of [1, 2]) assert.equal(await hashElsewhere(seed), hashOf(seed));
  });

  it("is the same when it is written down for people", () => {
    const report = simulate(planOf(4, small), { tells: true });
    assert.equal(report.traceHash, hashOf(4));
    assert.ok(report.transcript.some((line) => /n\d → n\d AppendEntries term=/.test(line)));
  });

  it("is the same over SQLite in memory as over our own tables", { timeout: 240_000 }, () => {
    for (let seed = firstOnSqlite; seed < firstOnSqlite + seedsOnSqlite; seed++) {
      const report = simulate(planOf(seed, small), { makeTables: memorySqliteTables });
      assert.equal(report.violation?.text, undefined, `seed ${seed}`);
      assert.equal(report.traceHash, hashOf(seed), `seed ${seed}`);
    }
  });
});

describe("a cluster in a simulated world", () => {
  const tally = new Tally();

  it(`keeps every invariant in seeds ${firstSeed} to ${lastSeed}`, { timeout: 240_000 }, () => {
    for (let seed = firstSeed; seed <= lastSeed; seed++) {
      const report = simulate(planOf(seed, noOverrides));
      const { violation } = report;
      const repeat = `bun scripts/simulate.ts --seed ${seed}`;
      if (violation !== undefined) {
        assert.fail(`${repeat}: ${violation.invariant} ${violation.text}`);
      }
      tally.add(report, 1);
    }
  });

  it("comes into most of the states in which protocols break", () => {
    const seen = Object.keys(floors).length - 6;
    assert.ok(tally.rare.size >= seen, tally.rareLines().join("\n"));
    assert.ok(tally.events > 250_000, tally.summary(1));
  });
});

describe("options of a run", () => {
  it("change the plan, and read like a command line", () => {
    const overrides: Overrides = {
      ...{ nodes: 3, clients: 2, without: ["crash", "network"], skip: ["pause.2"] },
    };
    const plan = planOf(7, overrides);
    assert.deepEqual([plan.voters, plan.clients, plan.faultEveryMs.crash], [3, 2, 0]);
    assert.deepEqual([plan.network.lossPermille, plan.skipped], [0, ["pause.2"]]);
    const text = " --nodes 3 --clients 2 --without crash,network --skip pause.2";
    assert.equal(overridesAsOptions(overrides), text);
    assert.equal(overridesAsOptions(noOverrides), "");
  });

  it("leave a run alone that breaks nothing", () => {
    const options = { seed: 1, overrides: { ...small, operations: 20 } };
    const found = minimize({ ...options, isOver: () => false, smaller: () => {} });
    assert.equal(found, undefined);
  });
});
