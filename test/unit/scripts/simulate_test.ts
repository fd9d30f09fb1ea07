/** How many seeds end: with all that was counted, whatever ended them (scripts/simulate.ts). */

import { fileURLToPath } from "node:url";
import {
  ManySeeds,
  type ManySeedsParts,
  type SeedReport,
} from "../../../scripts/simulation/many_seeds.ts";
import { scriptCommand, start } from "../../harness/child.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { terminate } from "../../harness/terminate.ts";
import { floors } from "../../simulation/rare_states.ts";

const clean: SeedReport = {
  ...{ violation: undefined, events: 500, virtualUs: 3_600_000_000, faults: ["crash.1"] },
  ...{ calls: 20, changes: 3, traceHash: "1", ms: 10 },
  rare: new Map([["image installed", 2]]),
};
const broken: SeedReport = {
  ...clean,
  violation: { invariant: "I1", text: "two leaders", atUs: 7 },
};

function made(parts: Partial<ManySeedsParts>) {
  const lines: string[] = [];
  const seeds = new ManySeeds({
    ...{ from: 4, count: 2, forMs: Infinity, nowMs: () => 0 },
    run: () => Promise.resolve(clean),
    failed: (seed) => lines.push(`seed ${seed} fails`),
    print: (line) => lines.push(line),
    ...parts,
  });
  return { seeds, lines };
}

const states = Object.keys(floors).length;
const installed = "       4  image installed (at least 1)";
const sums = /^2 seeds, 1000 events, 2\.0 simulated hours, 40 calls, 6 changes .*, 2 faults, /;

describe("many seeds", () => {
  it("end with the table of rare states and the sums", async () => {
    const { seeds, lines } = made({});
    assert.equal(await seeds.run(), 0);
    assert.equal(lines.length, states + 1);
    assert.ok(lines.includes(installed), lines.join("\n"));
    assert.match(lines.at(-1)!, sums);
  });

  it("end with both where the last of them broke something", async () => {
    const { seeds, lines } = made({
      count: 9,
      run: (seed) => Promise.resolve(seed === 5 ? broken : clean),
    });
    assert.equal(await seeds.run(), 1);
    assert.equal(lines[0], "seed 5 fails");
    assert.equal(lines.length, 1 + states + 1);
    assert.ok(lines.includes(installed), lines.join("\n"));
    assert.match(lines.at(-1)!, sums);
  });

  it("say which seed is at work", async () => {
    const told: string[] = [];
    const { seeds } = made({
      run: () => {
        told.push(seeds.progress);
        return Promise.resolve(clean);
      },
    });
    await seeds.run();
    assert.match(told[0]!, /^seed 4 is at work: 0 seeds, 0 events, /);
    assert.match(told[1]!, /^seed 5 is at work: 1 seeds, 500 events, .*, 1 of [0-9]+ rare states/);
  });

  it("begin no further one when their time is over", async () => {
    let nowMs = 0;
    const { seeds, lines } = made({ count: Infinity, forMs: 25, nowMs: () => nowMs += 10 });
    assert.equal(await seeds.run(), 0);
    assert.match(lines.at(-1)!, /^3 seeds, /);
  });

  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    it(`end with both at ${signal}, in the midst of a seed`, async () => {
      const script = fileURLToPath(new URL("../../../scripts/simulate.ts", import.meta.url));
      const child = start([...scriptCommand(script), "--seeds", "100000"]);
      let output = "";
      let isSent = false;
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (isSent || !/^seed 1 is at work: /m.test(output)) return;
        isSent = true;
        terminate(child, signal);
      });
      const ended = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(ended, code, output);
      assert.match(output, new RegExp(`^${signal} while seed [0-9]+ is at work: `, "m"));
      assert.match(output, /^ +[0-9]+ {2}image installed \(at least 1\)$/m);
      assert.match(output, /^[0-9]+ seeds, [0-9]+ events, /m);
    });
  }
});
