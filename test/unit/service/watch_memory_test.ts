/** What watches hold for readers who take nothing, each of them and all together. */

import { put } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { key, taken, Watched } from "../../harness/watched.ts";

describe("The memory of watches", () => {
  it("that is not read holds no more than a little, and misses nothing", async () => {
    const watched = new Watched();
    const watch = watched.watch();
    await taken(watch);
    const value = "x".repeat(100_000);
    for (let at = 0; at < 100; at++) watched.apply(put(`k${at}`, value));
    assert.equal(watched.hub.size, 0, "it has fallen behind");
    const seen = (await taken(watch)).map((line) => line.split("=")[0]);
    assert.deepEqual(
      seen.slice(0, -1),
      Array.from({ length: 100 }, (_, at) => `${at + 2}: k${at}`),
    );
    assert.equal(watched.hub.size, 1, "and is level again");
  });

  it("that are not read hold no more than a little all together, and miss nothing", async () => {
    const memoryBytesMax = 1024 * 1024;
    const watched = new Watched(memoryBytesMax);
    const watches = Array.from({ length: 200 }, () => watched.watch());
    for (const watch of watches) await taken(watch);
    const value = "x".repeat(10_000);
    for (let at = 0; at < 100; at++) watched.apply(put(`k${at}`, value));
    assert.ok(watched.memory.heldBytes > memoryBytesMax / 2, "some of it is read ahead");
    assert.ok(watched.memory.heldBytes <= memoryBytesMax, String(watched.memory.heldBytes));
    assert.equal(watched.hub.size, 0, "all have fallen behind");
    for (const watch of watches) {
      const seen = (await taken(watch)).map((line) => line.split("=")[0]);
      assert.deepEqual(
        seen.slice(0, -1),
        Array.from({ length: 100 }, (_, at) => `${at + 2}: k${at}`),
      );
      assert.ok(watched.memory.heldBytes <= memoryBytesMax, String(watched.memory.heldBytes));
    }
    assert.equal(watched.memory.heldBytes, 0);
  });

  it("that are not read hold no long values, of which others leave no room for one", async () => {
    const memoryBytesMax = 1024 * 1024;
    const watched = new Watched(memoryBytesMax);
    const watches = Array.from({ length: 20 }, (_, at) => watched.watch({ target: key(`k${at}`) }));
    for (const watch of watches) await taken(watch);
    const value = "x".repeat(300_000);
    const all = watches.map((_, at) => put(`k${at}`, value));
    watched.apply(...all, ...all);
    assert.ok(watched.memory.heldBytes <= memoryBytesMax, String(watched.memory.heldBytes));
    // From history, too: one for the reader, and no other behind it.
    for (const watch of watches) {
      const first = watch.nextNow();
      assert.ok(typeof first === "object" && first.kind === "changes");
      assert.ok(watched.memory.heldBytes <= memoryBytesMax, String(watched.memory.heldBytes));
    }
    for (const watch of watches) assert.equal((await taken(watch)).length, 2);
    assert.equal(watched.memory.heldBytes, 0);
  });

  it("count a record once that was handed to all of them", async () => {
    const watched = new Watched(1024 * 1024);
    const watches = Array.from({ length: 20 }, () => watched.watch());
    for (const watch of watches) await taken(watch);
    watched.apply(put("a", "x".repeat(500_000)));
    assert.equal(watched.hub.size, 20, "none has fallen behind");
    for (const watch of watches.slice(1)) watch.close();
    assert.ok(watched.memory.heldBytes > 500_000);
    watches[0]?.close();
    assert.equal(watched.memory.heldBytes, 0);
  });

  it("gives its place in the hub and its memory up when it is closed", async () => {
    const watched = new Watched();
    const watches = [
      watched.watch(),
      watched.watch({ target: key("a") }),
      watched.watch({ prev: true }),
    ];
    for (const watch of watches) await taken(watch);
    assert.equal(watched.hub.size, 3);
    watched.apply(put("a", "1"));
    assert.ok(watched.memory.heldBytes > 0);
    for (const watch of watches) watch.close();
    assert.equal(watched.hub.size, 0);
    assert.equal(watched.memory.heldBytes, 0);
  });
});
