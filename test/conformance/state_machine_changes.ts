/** Follows the changes of a range page by page, as a watch does, and compares them with a model. */

import type { ChangesQuery } from "../../src/kv/query.ts";
import type { KeyRange } from "../../src/kv/record.ts";
import { prefix } from "../harness/kv_commands.ts";
import type { KvModel } from "../harness/kv_model.ts";
import type { RandomKv } from "../harness/random_kv.ts";
import { assert } from "../harness/test.ts";
import type { Driver } from "./state_machine_place.ts";

/** Behind a revision that can be read, of a range that the model knows, in pages of any length. */
export function compareChanges(driver: Driver, model: KvModel, random: RandomKv): void {
  const { start, end } = prefix(random.chance(1, 3) ? "" : random.key());
  const range: KeyRange = end === undefined ? { start } : { start, end };
  const back = random.pick([0, 1, 5, 40, 200]);
  const after = Math.max(model.oldest, model.revision - back);
  const query = { kind: "changes", range, prev: random.chance(1, 2) } as const;
  const found = followed(driver, { ...query, from: { after } }, random);
  assert.deepEqual(found, expected(model, query, after));
  const gone = { ...query, from: { after: model.oldest - 1 }, changesMax: 1, bytesMax: 1 };
  assert.deepEqual(driver.machine.read(gone), { kind: "compacted", oldest: model.oldest });
}

type Query = Omit<ChangesQuery, "changesMax" | "bytesMax">;

function expected(model: KvModel, { range, prev }: Omit<Query, "from">, after: number): unknown {
  return model.versions.changesAfter(range, after).map((change) => {
    const before = prev && change.prev !== undefined ? { prev: change.prev } : {};
    const { key, revision: mod, record, times } = change;
    return record === undefined
      ? { kind: "delete", key, mod, ...before, times }
      : { kind: "put", record, ...before, times };
  });
}

function followed(driver: Driver, query: Query, random: RandomKv): unknown {
  const events: unknown[] = [];
  let through = "after" in query.from ? query.from.after : 0;
  let isPartial = false;
  let from: Query["from"] = query.from;
  while (through < driver.machine.revision) {
    const [changesMax, bytesMax] = [random.pick([1, 2, 7, 1_000]), random.pick([0, 50, 1_000_000])];
    const page = driver.machine.read({ ...query, from, changesMax, bytesMax });
    assert.ok(page.kind === "changes", page.kind);
    for (const each of page.revisions) {
      assert.ok(each.revision > through && each.revision <= driver.machine.revision);
      events.push(...each.events.map((event) => ({ ...event, times: each.times })));
      isPartial = each.isPartial;
    }
    // What is told to be through has been told whole.
    assert.ok(page.through >= through, `${page.through} behind ${through}`);
    const last = page.revisions.at(-1);
    if (last?.isPartial === true) assert.ok(page.through < last.revision);
    through = page.through;
    from = { number: page.next };
  }
  assert.equal(isPartial, false);
  return events;
}
