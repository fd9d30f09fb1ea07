import { Facts } from "../../../src/kv/facts.ts";
import { initialKvMeta } from "../../../src/kv/ports.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("the facts of a store", () => {
  it("change in place, and never what is stored or was taken down", () => {
    const stored = { ...initialKvMeta, revision: 7 };
    const facts = new Facts(stored);
    facts.set({ revision: 8, leases: 2 });
    const snapshot = facts.snapshot();
    facts.set({ revision: 9 });
    assert.deepEqual(facts.meta, { ...initialKvMeta, revision: 9, leases: 2 });
    assert.deepEqual(snapshot, { ...initialKvMeta, revision: 8, leases: 2 });
    assert.deepEqual(stored, { ...initialKvMeta, revision: 7 });
  });

  it("give one object as long as nothing changes, which a commit recognizes", () => {
    const stored = { ...initialKvMeta };
    const facts = new Facts(stored);
    assert.equal(facts.snapshot(), stored);
    facts.set({ changes: 1 });
    const changed = facts.snapshot();
    assert.notEqual(changed, stored);
    assert.equal(facts.snapshot(), changed);
    facts.set({ changes: 1 });
    assert.notEqual(facts.snapshot(), changed);
  });

  it("go back whole", () => {
    const facts = new Facts(initialKvMeta);
    const before = facts.snapshot();
    facts.set({ revision: 5, clusterTimeMs: 3, ledgerHash: { a: 1, b: 2 } });
    facts.reset(before);
    assert.deepEqual(facts.meta, initialKvMeta);
    assert.equal(facts.snapshot(), before);
    facts.set({ revision: 2 });
    assert.equal(before.revision, initialKvMeta.revision);
  });
});
