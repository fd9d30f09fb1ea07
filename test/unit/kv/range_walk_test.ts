import { answerQuery } from "../../../src/kv/reads.ts";
import { keysVisitMax } from "../../../src/kv/range_walk.ts";
import { Store } from "../../../src/kv/store.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { MemoryKvTables } from "../../../src/storage/memory/kv_tables.ts";
import { range } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("a walk through keys that its view does not show", () => {
  const store = new Store(new MemoryKvTables());
  const content = { value: new Uint8Array(0), mediaType: undefined, lease: undefined };
  const more = 10;
  for (let at = 0; at < keysVisitMax + more; at++) {
    const stamp = { revision: store.revision + 1, timeMs: 0, wallMs: 0 };
    store.put(stamp, utf8(String(at).padStart(6, "0")), content, undefined);
  }

  it("ends after so many, and goes on from there", () => {
    // The first revision is the empty store: all keys were written after it.
    const empty = answerQuery(store, range({ revision: 1 }));
    assert.equal(empty.kind, "range");
    if (empty.kind !== "range") return;
    assert.equal(empty.count, 0);
    assert.deepEqual(empty.next, utf8(String(keysVisitMax)));
    const rest = answerQuery(store, range({ revision: 1, start: empty.next! }));
    assert.ok(rest.kind === "range" && rest.next === undefined && rest.count === 0);
  });

  it("counts those that it shows, in both directions", () => {
    const reverse = answerQuery(store, range({ revision: 3, reverse: true, countOnly: true }));
    assert.ok(reverse.kind === "range" && reverse.count === 0);
    const end = reverse.kind === "range" ? reverse.next : undefined;
    assert.deepEqual(end, utf8("000009\0"));
    const rest = answerQuery(
      store,
      range({ revision: 3, reverse: true, countOnly: true, end: end! }),
    );
    assert.ok(rest.kind === "range" && rest.count === 2 && rest.next === undefined);
  });
});
