import type { RestorePhase } from "../../../src/kv/restore_command.ts";
import { awaitedRestore, isBegun } from "../../../src/service/first_restore.ts";
import { assert, describe, it } from "../../harness/test.ts";

function store(phase?: RestorePhase, over: "unwritten" | "empty" = "unwritten") {
  return { isUnwritten: true, restore: phase && { phase, over } };
}

describe("A store that is to begin with a backup", () => {
  it("is waited for by who names one, until something was written or a restore committed", () => {
    const named = awaitedRestore("/backups", store());
    assert.match(named ?? "", /restore_on_first_start, \/backups; without that key/);
    for (const phase of ["staging", "dropping"] as const) {
      assert.notEqual(awaitedRestore("/backups", store(phase)), undefined, phase);
      assert.equal(isBegun(store(phase)), false);
    }
    for (const phase of ["clearing", "loading", "starting", "done"] as const) {
      assert.equal(awaitedRestore("/backups", store(phase)), undefined, phase);
      assert.equal(isBegun(store(phase)), true);
    }
    assert.equal(
      awaitedRestore("/backups", { ...store("staging"), isUnwritten: false }),
      undefined,
    );
  });

  it("is waited for by the others while it comes in", () => {
    assert.equal(awaitedRestore("", store()), undefined);
    assert.match(awaitedRestore("", store("staging")) ?? "", /is coming in$/);
    assert.equal(awaitedRestore("", store("staging", "empty")), undefined, "a person's own");
    assert.equal(awaitedRestore("", store("dropping")), undefined);
  });
});
