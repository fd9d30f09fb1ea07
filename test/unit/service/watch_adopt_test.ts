/** Watches over a store that adopts the image of another node: nothing skipped, nothing twice. */

import { EntryMaker, put } from "../../harness/kv_commands.ts";
import type { Entry } from "../../../src/raft/types.ts";
import { FakeStore } from "../../harness/fake_store.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { key, taken, Watched } from "../../harness/watched.ts";

/** A store that has applied `count` puts of the keys a and b in turn. */
function storeAt(count: number): FakeStore {
  const store = new FakeStore();
  for (let at = 0; at < count; at++) store.apply(putAt(at));
  return store;
}

function putAt(at: number): ReturnType<typeof put> {
  return put(at % 2 === 0 ? "a" : "b", `${at}`);
}

/** The entry that brings {@link putAt}. */
function entryAt(at: number): Entry {
  return new EntryMaker(at).command(putAt(at));
}

/** A node at revision 5 with its watches, each of which has come so far. */
async function watchedAt5(): Promise<{ watched: Watched; all: ReturnType<Watched["watch"]> }> {
  const watched = new Watched();
  for (let at = 0; at < 4; at++) watched.apply(putAt(at));
  const all = watched.watch();
  assert.deepEqual((await taken(all)).at(-1), "at 5");
  return { watched, all };
}

describe("A watch on a store that adopts another one", () => {
  it("goes on with the changes in between", async () => {
    const { watched, all } = await watchedAt5();
    const slow = watched.watch({ after: 2 });
    watched.store.adopt(storeAt(7));
    assert.deepEqual(await taken(all), ["6: a=4", "7: b=5", "8: a=6", "at 8"]);
    watched.store.machine.apply([entryAt(7)]);
    watched.store.tell();
    assert.deepEqual(await taken(all), ["9: b=7", "at 9"]);
    assert.deepEqual((await taken(slow)).length, 8);
  });

  it("ends as compacted where the new store has given up what it is owed", async () => {
    const { watched, all } = await watchedAt5();
    const level = watched.watch({ target: key("b"), after: 5 });
    await taken(level);
    const ahead = storeAt(20);
    ahead.compact(10);
    while (ahead.machine.purge());
    watched.store.adopt(ahead);
    assert.deepEqual(await taken(all), ["compacted, oldest 10"]);
    assert.deepEqual(await taken(level), ["compacted, oldest 10"]);
    // Who begins where the store can be read is served.
    const late = watched.watch({ after: 20 });
    assert.deepEqual(await taken(late), ["21: b=19", "at 21"]);
  });

  it("sees nothing again, and does not go back, where the new store is older", async () => {
    const { watched, all } = await watchedAt5();
    const other = watched.watch({ target: key("a"), after: 1 });
    await taken(other);
    watched.apply(putAt(4), putAt(5));
    assert.deepEqual(await taken(all), ["6: a=4", "7: b=5", "at 7"]);
    assert.deepEqual(await taken(other), ["6: a=4", "at 7"]);
    watched.store.adopt(storeAt(2));
    assert.deepEqual(await taken(all), ["at 7"]);
    assert.deepEqual(await taken(other), ["at 7"]);
    const third = watched.watch({ after: 1 });
    assert.deepEqual(await taken(third), ["2: a=0", "3: b=1", "at 3"]);
    for (let at = 2; at < 8; at++) watched.store.machine.apply([entryAt(at)]);
    watched.store.tell();
    assert.deepEqual(await taken(all), ["8: a=6", "9: b=7", "at 9"]);
    assert.deepEqual(await taken(other), ["8: a=6", "at 9"]);
    assert.equal((await taken(third)).length, 7);
  });

  it("reads by itself where far more has changed than is told to all at once", async () => {
    const { watched, all } = await watchedAt5();
    const rare = watched.watch({ target: key("none"), after: 5 });
    await taken(rare);
    let reads = 0;
    const { readNow } = watched.node;
    watched.node.readNow = (query) => {
      reads++;
      return readNow(query);
    };
    watched.store.adopt(storeAt(12_000));
    assert.ok(reads <= 8, `${reads} pages in one turn`);
    const seen: string[] = [];
    while (seen.at(-1) !== "at 12001") seen.push(...await taken(all));
    const told = seen.filter((each) => !each.startsWith("at "));
    assert.equal(told.length, 12_000 - 4);
    assert.equal(new Set(told).size, told.length);
  });
});
