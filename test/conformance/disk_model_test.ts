/**
 * SimDisk is an honest model of a disk: what real engines leave when their process is killed before
 * any operation, the power goes under them or a sync fails, SimDisk allows at the same moment of
 * the same script; and what SimDisk allows, they leave.
 *
 * In two things it is narrower than they are. Its mark is always that of the newest write, and a
 * real one may be older. A discard that is cut short is for it as if it had not begun, and the file
 * engine may tell damage instead.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../harness/test.ts";
import { scriptCommand } from "../harness/child.ts";
import { ownHalf } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { Comparison } from "./disk_model_comparison.ts";
import { type Backend, brokenOff, type Fault, killed } from "./disk_model_places.ts";
import { type DiskScript, diskScript, restOf, stepsOf } from "./disk_model_scripts.ts";
import { failingModelOf, modelOf } from "./disk_model_simulation.ts";

const command = scriptCommand(
  fileURLToPath(new URL("./programs/storage_kill.ts", import.meta.url)),
);
const slow = { timeout: 240_000 };

/** The killed identity.json is the same one beside either engine. */
const killedNames = {
  sqlite: ["kinds", "discard", "short-10", "short-28"],
  file: ["kinds", "discard", "short-1", "short-10", "short-28", "identity"],
};
/** On simulated files, where the runtime has no say: half of them on each. */
const brokenNames = [...killedNames.file, ...Array.from({ length: 8 }, (_, at) => `random-${at}`)]
  .filter((_, at) => at % 2 === ownHalf);

/** Two at a time: the machine that runs the gate has two cores. */
async function killEverywhere(backend: Backend, script: DiskScript): Promise<Comparison> {
  using temp = makeTempDir("model");
  const comparison = new Comparison({ script, model: modelOf(script), marksAreKept: true });
  const from = script.name === "kinds" ? "start" : "opened";
  // A discard is many operations, most of them on a file that is not in its place yet.
  const stride = script.name === "discard" ? 2 : 1;
  const killAt = async (at: number): Promise<boolean> => {
    const directory = join(temp.path, String(at));
    mkdirSync(directory);
    const crashed = await killed({ command, backend, script, directory, at, from });
    comparison.check(crashed, `killed at operation ${at}`);
    return crashed.isOver;
  };
  for (let at = 0;; at += 2 * stride) {
    const over = await Promise.all([at, at + stride].map(killAt));
    if (over.every(Boolean)) return comparison;
  }
}

for (const backend of ["sqlite", "file"] as const) {
  describe(`SimDisk, and ${backend} in a process that is killed before any operation`, () => {
    for (const name of killedNames[backend]) {
      it(`allow the same states: ${name}`, slow, async () => {
        const comparison = await killEverywhere(backend, diskScript(name));
        comparison.assertAllSeen();
        assert.ok(comparison.oldMarks > 0, "no kill between a commit and its mark");
        const tellsHalf = backend === "file" && name === "discard";
        assert.equal(comparison.halfDiscards > 0, tellsHalf, `${comparison.halfDiscards} halves`);
      });
    }
  });
}

/** Breaks the script off at every place of a kind, and looks at what survives in several ways. */
function breakEverywhere(
  comparison: Comparison,
  script: DiskScript,
  { kind, survive }: { readonly kind: Fault["kind"]; readonly survive: Fault["survives"][] },
): void {
  for (const survives of survive) {
    for (let at = 0;; at++) {
      const crashed = brokenOff(script, { kind, at, survives });
      comparison.check(crashed, `${kind} at ${at}, what was ${survives} survives`);
      if (crashed.isOver) break;
    }
  }
  comparison.assertAllSeen();
}

describe("SimDisk, and the file engine whose power goes before any operation", () => {
  for (const name of brokenNames) {
    it(`allow the same states: ${name}`, slow, () => {
      const script = diskScript(name);
      const comparison = new Comparison({ script, model: modelOf(script), marksAreKept: false });
      breakEverywhere(comparison, script, { kind: "end", survive: ["written", "synced", 1, 2, 3] });
      assert.ok(comparison.oldMarks > 0, "no cut took a mark");
    });
  }
});

describe("SimDisk that fails a write, and the file engine of which any sync fails", () => {
  for (const name of brokenNames) {
    it(`allow the same states: ${name}`, slow, () => {
      const script = restOf(diskScript(name), 0);
      const model = failingModelOf(script);
      const comparison = new Comparison({ script, model, marksAreKept: false });
      breakEverywhere(comparison, script, { kind: "EIO", survive: ["written", "synced", 1] });
    });
  }
});

describe("the scripts of this file", () => {
  it("hold writes of every kind, and several under way at once", () => {
    for (const names of [killedNames.sqlite, killedNames.file]) {
      const scripts = names.map(diskScript);
      const kinds = scripts.flatMap(stepsOf).flatMap((step) =>
        step.kind === "write" ? Object.keys(step.write) : [step.kind]
      );
      const wanted = ["snapshot", "truncateFrom", "compactTo", "hardState", "entries", "discard"];
      for (const kind of wanted) assert.ok(kinds.includes(kind), kind);
      assert.ok(scripts.some(({ bunches }) => bunches.some(({ length }) => length > 2)));
    }
  });
});
