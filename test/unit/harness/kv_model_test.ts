import type { KvRecord } from "../../../src/kv/record.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { ModelLeases } from "../../harness/kv_model_leases.ts";
import { bytesOf, ModelVersions, nameOf } from "../../harness/kv_model_versions.ts";
import { assert, describe, it } from "../../harness/test.ts";

const times = { timeMs: 1, wallMs: 2 };
const everything = { start: new Uint8Array(0) };

/** A version, or a deletion, of a key drawn at random. */
function addTo(versions: ModelVersions, prng: Prng, revision: number): void {
  const key = utf8(`k${prng.below(9)}`);
  const record: KvRecord = { key, value: utf8("v"), create: 2, mod: revision, version: 1 };
  versions.add(key, { revision, times, record: prng.chance(1, 3) ? undefined : record });
}

/** All that can be seen of it. */
function seen(versions: ModelVersions): unknown {
  return {
    mark: versions.mark(),
    changes: versions.changesAfter(everything, 0),
    views: [3, 9, 27, 90].map((revision) => ({
      records: versions.shown(utf8("k2"), utf8("k7"), revision),
      last: versions.lastChange({ start: utf8("k4") }, revision),
    })),
  };
}

describe("the versions of the plain store", () => {
  it("are after going back what they were before, and grow as if nothing had been", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const prng = new Prng(seed);
      const [versions, straight] = [new ModelVersions(), new ModelVersions()];
      for (let revision = 2; revision < 60; revision++) {
        const before = seen(versions);
        const mark = versions.mark();
        for (let left = prng.below(4); left > 0; left--) addTo(versions, prng, revision);
        versions.undoTo(mark);
        assert.deepEqual(seen(versions), before);
        const [drawn] = [prng.next()];
        addTo(versions, new Prng(drawn), revision);
        addTo(straight, new Prng(drawn), revision);
      }
      assert.deepEqual(seen(versions), seen(straight));
    }
  });

  it("show in the range what stood at a revision, in key order", () => {
    const versions = new ModelVersions();
    const put = (name: string, mod: number): void => {
      const key = utf8(name);
      const record = { key, value: key, create: mod, mod, version: 1 };
      versions.add(key, { revision: mod, times, record });
    };
    put("b", 2);
    put("a", 3);
    put("c", 4);
    versions.add(utf8("b"), { revision: 5, times, record: undefined });
    const names = (end: Uint8Array | undefined, revision: number): readonly string[] =>
      versions.shown(utf8("a"), end, revision).map(({ key }) => nameOf(key));
    assert.deepEqual(names(undefined, 4), ["a", "b", "c"]);
    assert.deepEqual(names(utf8("c"), 4), ["a", "b"]);
    assert.deepEqual(names(undefined, 5), ["a", "c"]);
    assert.deepEqual(names(undefined, 2), ["b"]);
    assert.equal(versions.lastChange({ start: utf8("b"), end: utf8("c") }, 9), 5);
    assert.equal(versions.lastChange({ start: utf8("b"), end: utf8("c") }, 4), 2);
    assert.equal(versions.lastChange({ start: utf8("d") }, 9), 0);
  });

  it("have names that sort as the bytes do", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    assert.deepEqual(bytesOf(nameOf(bytes)), bytes);
    assert.ok(nameOf(Uint8Array.of(0x7f)) < nameOf(Uint8Array.of(0x80)));
  });
});

describe("the leases of the plain store", () => {
  const lease = { ttlMs: 1_000, deadlineMs: 5_000, isPrivate: false };

  it("go back to what was there, through repeated changes of one lease", () => {
    const leases = new ModelLeases();
    leases.set("1", lease);
    leases.set("2", lease);
    const before = leases.list();
    const mark = leases.mark();
    leases.set("1", { ...lease, deadlineMs: 6_000 });
    leases.delete("1");
    leases.delete("3");
    leases.set("1", { ...lease, deadlineMs: 7_000 });
    leases.set("3", lease);
    leases.delete("2");
    leases.undoTo(mark);
    assert.deepEqual(leases.list(), before);
  });

  it("keep what was settled, and never give a number twice", () => {
    const leases = new ModelLeases();
    leases.set("2", lease);
    leases.settle();
    const mark = leases.mark();
    assert.equal(leases.nextId(), "1");
    leases.set("1", lease);
    leases.undoTo(mark);
    assert.deepEqual(leases.list(), [{ id: "2", deadlineMs: 5_000 }]);
    assert.equal(leases.nextId(), "3");
  });
});
